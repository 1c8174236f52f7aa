/** How the engine tells a person what it is doing. The command line draws it; nothing below writes to a console. */
export type Progress = {
  /** Something that may take a while begins. */
  step(text: string): void;
  /** The same step, seen again later: seconds gone by, megabytes fetched. */
  tick(text: string): void;
  /** The step ended well. */
  done(text: string): void;
  /** The step came to nothing; `text` says why and what is tried next. */
  failed(text: string): void;
};

/** How often a long step reports where nobody can see a line being redrawn (a log, a pipe), in milliseconds. */
const PLAIN_TICK_MS = 30_000;

/** What `printProgress` needs of a stream; `process.stderr` has it. */
type Output = { isTTY?: boolean; columns?: number; write(text: string): unknown };

/** Draws progress: one redrawn line a step on a terminal, whole plain lines anywhere else. */
export function printProgress(output: Output): Progress {
  return output.isTTY ? onTerminal(output) : onPlainOutput(output);
}

function onTerminal(output: Output): Progress {
  const redraw = (text: string) => output.write(`\r\x1b[2K  … ${text}`.slice(0, (output.columns || 80) + 4));
  const settle = (mark: string, text: string) => output.write(`\r\x1b[2K  ${mark} ${text}\n`);
  return {
    step: redraw,
    tick: redraw,
    done: (text) => settle('✔', text),
    failed: (text) => settle('–', text),
  };
}

function onPlainOutput(output: Output): Progress {
  let lastLine = 0;
  const line = (text: string) => {
    lastLine = Date.now();
    output.write(`  ${text}\n`);
  };
  return {
    step: (text) => line(`… ${text}`),
    tick: (text) => {
      if (Date.now() - lastLine >= PLAIN_TICK_MS) line(`… ${text}`);
    },
    done: (text) => line(`✔ ${text}`),
    failed: (text) => line(`– ${text}`),
  };
}
