/** How long the texts of a message may be, in characters. The command line refuses more; the inbox cuts it. */
export const reasonLength = 500;
export const requestIdLength = 100;

/** Texts of messages are shown in terminals, where control characters could redraw the screen. */
export function oneLine(text: string): string {
  return text.replaceAll(/[\p{Cc}\p{Zl}\p{Zp}]+/gu, ' ');
}
