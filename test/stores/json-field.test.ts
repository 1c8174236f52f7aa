import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { fieldIn, NotAField, withField, withoutField } from '../../stores/json-field.ts';

describe('one field of a JSON text', () => {
  test('everything else stays byte for byte: order, numbers, white space, escapes, what looks like the field', () => {
    const text =
      '\n{ "b" : 1.0e+2 ,\n\t"key":"old", "n":12345678901234567890, "in": {"key": "x,}"}, "\\u006b": [ "key" ] }\n';
    expect(withField(text, 'key', 'new "one"')).toBe(text.replace('"old"', '"new \\"one\\""'));
    expect(fieldIn(text, 'key')).toEqual({ value: 'old', token: '"old"' });
    expect(withoutField(text, 'key')).toBe(text.replace('"key":"old", ', ''));
  });

  test('a new one comes last, as its neighbours are spaced, and goes without a trace', () => {
    const text = '{\n  "a": 1,\n  "b": 2\n}\n';
    const added = withField(text, 'key', 'v');
    expect(added).toBe('{\n  "a": 1,\n  "b": 2,\n  "key": "v"\n}\n');
    expect(withoutField(added, 'key')).toBe(text);
    expect(withoutField(withField(' { } ', 'key', 'v'), 'key')).toBe(' { } ');
  });

  test('of a name that is there twice the last counts, and none is left when it is taken out', () => {
    const text = '{"key":"one","a":1,"\\u006bey":"two"}';
    expect(fieldIn(text, 'key')?.value).toBe('two');
    expect(withField(text, 'key', 'new')).toBe('{"key":"one","a":1,"\\u006bey":"new"}');
    expect(withoutField(text, 'key')).toBe('{"a":1}');
  });

  test.each(['', 'sk-or-v1-plain', '["a"]', '"text"', 'null', '7', '{"a":1', '\uFEFF{}', "{'a':1}"])(
    'what is no object is refused without a character of it: %j',
    (text) => {
      for (const edit of [() => fieldIn(text, 'a'), () => withField(text, 'a', 'v'), () => withoutField(text, 'a')]) {
        expect(edit).toThrow(NotAField);
        expect(edit).toThrow(/^it is not an object in JSON$/);
      }
    },
  );

  test.each(['{"a":null}', '{"a":1}', '{"a":{"b":"c"}}', '{"a": true }'])(
    'a field that is no text is refused: %s',
    (text) => {
      expect(() => fieldIn(text, 'a')).toThrow(NotAField);
    },
  );

  test('a field of any name: as JSON.parse sees it', () => {
    expect(fieldIn(withField('{}', '__proto__', 'v'), '__proto__')?.value).toBe('v');
    expect(fieldIn('{}', 'toString')).toBeNull();
  });

  test('any object, any spacing: set, get and remove agree with JSON.parse', () => {
    const spaced = fc.tuple(
      fc.dictionary(fc.string({ unit: 'binary' }), fc.jsonValue(), { noNullPrototype: false }),
      fc.constantFrom(undefined, 0, 1, '\t', '\n  '),
      fc.string({ unit: 'binary' }),
      fc.string({ unit: 'binary' }),
    );
    fc.assert(
      fc.property(spaced, ([object, space, name, value]) => {
        const text = JSON.stringify(object, null, space);
        const own = Object.hasOwn(object, name);
        const set = withField(text, name, value);
        expect(fieldIn(set, name)?.value).toBe(value);
        const { [name]: _, ...others } = JSON.parse(set) as Record<string, unknown>;
        const { [name]: __, ...before } = JSON.parse(text) as Record<string, unknown>;
        expect(others).toEqual(before);
        if (!own) expect(withoutField(set, name)).toBe(text);
        expect(Object.hasOwn(JSON.parse(withoutField(text, name)) as object, name)).toBe(false);
      }),
      { numRuns: 500 },
    );
  });
});
