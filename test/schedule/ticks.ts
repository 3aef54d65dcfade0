// A process whose clock the test moves: says a line each time that its schedule of every second runs.
import { scheduleAt } from '../../src/schedule/cron.js';

const schedule = scheduleAt('* * * * * *', 'ticks', () => console.log('tick'));
process.once('SIGTERM', () => {
	void schedule[Symbol.asyncDispose]().then(() => {
		console.log('ended');
		process.exit();
	});
});
setInterval(() => {}, 60_000);
