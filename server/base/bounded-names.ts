/**
 * Values of a label that come from outside, kept to so many: each makes a time
 * series that whoever scrapes must keep. Those that come too late share one.
 */
export const OTHER = '_other';

export function boundedNames(max: number): (name: string) => string {
  const known = new Set<string>();
  return (name) => {
    if (known.has(name)) return name;
    if (known.size >= max) return OTHER;
    known.add(name);
    return name;
  };
}
