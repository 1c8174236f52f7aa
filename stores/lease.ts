/** What a policy has to itself: an address in the world (`Store.addressOf`), and one field there, or all of them. */
export type Lease = { address: string; field: string | null };
