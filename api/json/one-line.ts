/** Characters that could make a line look like something else: control, format and bidi marks, other line ends. */
const MISLEADING = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu;

/** The same JSON, as one line to whoever reads it: such characters stand in texts only, which can be written in other ways. */
export function oneLine(json: string): string {
  return json.replace(MISLEADING, (text) =>
    Array.from(
      { length: text.length },
      (_, i) => `\\u${text.charCodeAt(i).toString(16).padStart(4, '0')}`,
    ).join(''),
  );
}
