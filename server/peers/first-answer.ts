/** The first of the answers that is one, as soon as it is there; undefined when none is, or none in time. Answers do not fail. */
export function firstAnswer<Answer>(
  answers: readonly Promise<Answer | undefined>[],
  timeoutMs: number,
): Promise<Answer | undefined> {
  return new Promise((resolve) => {
    const timer = setTimeout(finish, timeoutMs);
    function finish(answer?: Answer): void {
      clearTimeout(timer);
      resolve(answer);
    }
    let waiting = answers.length;
    if (waiting === 0) finish();
    for (const one of answers) {
      void one.then((answer) => {
        waiting--;
        if (answer !== undefined || waiting === 0) finish(answer);
      });
    }
  });
}
