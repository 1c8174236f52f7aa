/** How long the texts of a message may be, in characters. The command line refuses more; the inbox cuts it. */
export const reasonLength = 500;
export const requestIdLength = 100;
