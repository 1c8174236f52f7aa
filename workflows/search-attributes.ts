import { defineSearchAttributeKey, SearchAttributeType } from '@temporalio/common';

/** Visible to everybody who can list workflows, and never encrypted: nothing secret goes here. */
export const searchAttributes = {
  state: defineSearchAttributeKey('KeyturnState', SearchAttributeType.KEYWORD),
  nextRotation: defineSearchAttributeKey('KeyturnNextRotation', SearchAttributeType.DATETIME),
  connection: defineSearchAttributeKey('KeyturnConnection', SearchAttributeType.KEYWORD),
  lastOutcome: defineSearchAttributeKey('KeyturnLastOutcome', SearchAttributeType.KEYWORD),
};

/** What `keyturn setup` registers: name and type. */
export const searchAttributeTypes = Object.fromEntries(
  Object.values(searchAttributes).map(({ name, type }) => [name, type]),
);
