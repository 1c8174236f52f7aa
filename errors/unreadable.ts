/** What stands in a message or a result in place of a payload that could not be decrypted or decoded. */
export class Unreadable {
  /** The end of a sentence; nothing of the payload. */
  readonly why: string;

  constructor(why: string) {
    this.why = why;
  }
}
