// Text from guests and files must not steer a terminal (ECMA-48 controls, Unicode bidirectional overrides).

import { suite } from "uvu";
import * as assert from "uvu/assert";
import { escapeText } from "../../../agent/escape.js";

const escape = suite("escape");

escape("ECMA-48: no control character survives, in C0, DEL or C1", () => {
  const all = String.fromCharCode(...Array.from({ length: 0xa0 }, (_, code) => code));

  assert.not.match(escapeText(all), /[\u0000-\u001f\u007f-\u009f]/);
  assert.is(escapeText("\x1b[2J\r\n\x9b31m"), "\\x1b[2J\\x0d\\x0a\\x9b31m");
});

escape("text that reorders or breaks lines, and half a surrogate pair, are shown as escapes", () => {
  assert.is(escapeText("a\u202eb\u2066c\u2028d\ud800e\udc00"), "a\\u202eb\\u2066c\\u2028d\\ud800e\\udc00");
  assert.is(escapeText("größe 😀"), "größe 😀");
});

escape("long text is cut", () => {
  assert.is(escapeText("x".repeat(1000)).length, 401);
});

escape.run();
