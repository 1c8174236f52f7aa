# Keyturn as an image: worker, codec server and command line. Built and run by docker-compose.yml and deploy/kubernetes.
# Not built where Keyturn is made (no Docker there); `npm run test:production` runs what these steps make.

FROM node:24-bookworm-slim AS build
WORKDIR /keyturn
COPY package.json package-lock.json .npmrc ./
# Not `npm ci`: it refuses a lockfile that does not name the packages of every platform. Versions and checksums come
# from the lockfile here too. No package needs its install script.
RUN npm install --no-save --ignore-scripts
COPY . .
# The workflow code is bundled here: a worker that did it itself would need twice the memory.
RUN npx tsc -p tsconfig.build.json && node dist/worker/make-bundle.js dist/workflow-bundle.js \
  && chmod 755 dist/cli/main.js
RUN npm prune --no-save --omit=dev --ignore-scripts

# No npm in it, and no shell tools beyond Debian's own.
FROM debian:bookworm-slim
# For TLS to Temporal Cloud: Temporal's native client reads the system's certificate authorities.
RUN apt-get update && apt-get install -y --no-install-recommends ca-certificates && rm -rf /var/lib/apt/lists/* \
  && groupadd --gid 1000 node && useradd --uid 1000 --gid node --create-home node \
  # A volume that is mounted here for the first time takes this owner and mode. Most workers have none: they keep nothing.
  && install -d -o node -g node -m 700 /data /data/keyturn
COPY --from=build /usr/local/bin/node /usr/local/bin/node
COPY --from=build /keyturn/package.json /keyturn/package.json
COPY --from=build /keyturn/node_modules /keyturn/node_modules
COPY --from=build /keyturn/dist /keyturn/dist
RUN ln -s /keyturn/dist/cli/main.js /usr/local/bin/keyturn

# Numbers: Kubernetes' runAsNonRoot cannot tell what a name stands for.
USER 1000:1000
WORKDIR /data
# With a volume, keyring and vault are in /data/keyturn. All else that is written may be lost: the root is read-only.
ENV NODE_ENV=production XDG_DATA_HOME=/data XDG_CACHE_HOME=/tmp XDG_STATE_HOME=/tmp XDG_CONFIG_HOME=/etc/keyturn \
  KEYTURN_HEALTH_HOST=0.0.0.0 KEYTURN_HEALTH_PORT=8090
# Of the C library's allocator, which Temporal's native client uses: two pools instead of eight a processor, what is freed
# goes back to the system, and large blocks never lie between small ones. 2,000 cached policies take 500 MB instead of 840.
ENV MALLOC_ARENA_MAX=2 MALLOC_TRIM_THRESHOLD_=131072 MALLOC_MMAP_THRESHOLD_=65536
EXPOSE 8090 8088
# Of a worker; the other commands have their own or none.
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=3 CMD ["node", "-e", \
  "fetch('http://127.0.0.1:8090/readyz').then(({ok})=>process.exit(ok?0:1),()=>process.exit(1))"]
ENTRYPOINT ["keyturn"]
CMD ["worker"]
