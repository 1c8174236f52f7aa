import { defaultPayloadConverter, type Payload, type PayloadConverter } from '@temporalio/common';
import { Unreadable } from '../errors/unreadable.ts';

/**
 * For workers. Anybody who may signal a workflow can send a payload that is no JSON, of an encoding that nobody knows, or
 * encrypted with a key that this keyring lacks. In Temporal's default that throws while the workflow task is read, for
 * ever, and the policy is frozen; here it becomes a value that says so, and the inbox drops it.
 */
export const payloadConverter: PayloadConverter = {
  toPayload: (value) => defaultPayloadConverter.toPayload(value),
  fromPayload<Value>(payload: Payload): Value {
    try {
      return defaultPayloadConverter.fromPayload(payload);
    } catch {
      // JSON's error quotes what it read.
      return new Unreadable('cannot be decrypted or decoded') as Value;
    }
  },
};
