/**
 * A value of a policy file as an error may show it: short, on one line, and with nothing in it that must not be printed.
 * Values of collections are not shown at all.
 */
export function showValue(value: unknown): string {
  if (value === null) return 'nothing';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object') return 'a map';
  if (typeof value !== 'string') return String(value);
  return JSON.stringify(printable(value.length > 40 ? `${value.slice(0, 39)}…` : value));
}

/**
 * Text out of a file, fit for a terminal and a log: no control or direction characters (they could redraw the screen), and
 * no OpenRouter key, should somebody have put one into the wrong place (design §5).
 */
export function printable(text: string): string {
  return text.replaceAll(/sk-or-[^\s"']*/gi, '[redacted]').replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, '�');
}
