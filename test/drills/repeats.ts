/** How often each drill is repeated: three times in a run of the tests, as `npm run soak:jobs` says else. */
export const repeats = Number(process.env.DRILL_REPEATS ?? 3);

/** Prints what a drill counted, so that a soak shows it. */
export function tell(drill: string, counted: Readonly<Record<string, number>>): void {
  const words = Object.entries(counted).map(([name, count]) => `${count} ${name}`);
  process.stdout.write(`drill: ${drill}: ${words.join(', ')}\n`);
}
