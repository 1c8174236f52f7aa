const redrawMs = 100;
const erase = '\r\x1b[2K';

/** The last line of a terminal, drawn again and again until it is cleared. Where `isShown` is false, nothing happens. */
export function transientLine(isShown: boolean, margin: string) {
  let draw: (() => string) | null = null;
  // One column less, so that no terminal breaks the line. Some say that they have none.
  const widest = () => (process.stdout.columns || 80) - 1 + erase.length;
  let timer: NodeJS.Timeout | undefined;
  const redraw = () => draw && process.stdout.write(`${erase}${margin}${draw()}`.slice(0, widest()));
  return {
    show(text: () => string): void {
      if (!isShown) return;
      draw = text;
      timer ??= setInterval(redraw, redrawMs);
      redraw();
    },
    /** Prints something that stays, with the line below it again. */
    above(print: () => void): void {
      if (draw !== null) process.stdout.write(erase);
      print();
      redraw();
    },
    clear(): void {
      clearInterval(timer);
      if (draw !== null) process.stdout.write(erase);
      draw = null;
    },
  };
}
