/** Whether engines that take minutes to get are fetched: `npm run test:stores` does, `npm test` takes what is at hand. */
export function mayFetch(): boolean {
  return process.env.KEYTURN_FETCH_ENGINES === '1';
}

export const notAtHand = 'it is not at hand; npm run test:stores fetches it, once';
