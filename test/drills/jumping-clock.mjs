// Moves the wall clock of the process it is loaded into (`node --import`) from one place to the next at each SIGUSR2, and says
// on its standard output where it is.
const dayMs = 86_400_000;
const placesDays = [10, -10, 0];
const RealDate = Date;
let jumps = 0;

const offDays = () => (jumps === 0 ? 0 : placesDays[(jumps - 1) % placesDays.length]);

globalThis.Date = class extends RealDate {
  constructor(...given) {
    if (given.length > 0) super(...given);
    else super(RealDate.now() + offDays() * dayMs);
  }

  static now() {
    return RealDate.now() + offDays() * dayMs;
  }
};

process.on('SIGUSR2', () => {
  jumps++;
  process.stdout.write(`${JSON.stringify({ clockOffDays: offDays() })}\n`);
});
