// Text from files, guests and other programs, made safe for a terminal.

/** Replaces control characters (C0, DEL, C1), bidirectional overrides and lone surrogates by visible escapes, and cuts the
 *  text at `maximum` characters. A line feed and a tab are control characters too: the result is one line. */
export function escapeText(text: string, maximum = 400): string {
  const cut = text.length > maximum ? `${text.slice(0, maximum)}…` : text;
  return cut.replace(
    /[\u0000-\u001f\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g,
    (character) => {
      const value = character.charCodeAt(0);
      return value < 0x100 ? `\\x${value.toString(16).padStart(2, "0")}` : `\\u${value.toString(16).padStart(4, "0")}`;
    },
  );
}
