const CODES = { red: 31, green: 32, yellow: 33, blue: 34, magenta: 35, cyan: 36, bold: 1, dim: 2 } as const;

export type Colour = keyof typeof CODES;

/** Gives the text a colour, or leaves it alone where there are none. */
export type Paint = (text: string, colour: Colour | undefined) => string;

export const plain: Paint = (text) => text;

export const coloured: Paint = (text, colour) =>
  colour === undefined || text === '' ? text : `\u001b[${CODES[colour]}m${text}\u001b[0m`;

/** The same everywhere: what is well, what needs a look, and what is over for another reason. */
const STATE_COLOURS: ReadonlyMap<string, Colour> = new Map([
  ['leased', 'cyan'],
  ['pending', 'cyan'],
  ['running', 'blue'],
  ['succeeded', 'green'],
  ['failed', 'red'],
  ['rejected', 'red'],
  ['cancelled', 'yellow'],
  ['preempted', 'magenta'],
]);

export function stateColour(state: string): Colour | undefined {
  return STATE_COLOURS.get(state);
}
