# Not built where Keyturn is made (no Docker there).
FROM node:24-slim AS build
WORKDIR /keyturn
COPY . .
RUN npm install --no-save && npm run -s build

FROM node:24-slim
WORKDIR /keyturn
COPY package.json package-lock.json .npmrc ./
RUN npm install --no-save --omit=dev
COPY --from=build /keyturn/dist dist
USER node
ENTRYPOINT ["node", "dist/cli/main.js"]
