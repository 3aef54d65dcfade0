// Appends to the journal of a folder until it is killed or told to end. Says what was acknowledged, a line of JSON each.
import { journalIn, verdict } from './journals.js';

const [folder = '', many = '1'] = process.argv.slice(2);
let isEnding = false;
process.once('SIGTERM', () => {
	isEnding = true;
});
await using journal = await journalIn(folder);
const say = (told: object) => process.stdout.write(`${JSON.stringify(told)}\n`);
say({ series: journal.series, owed: journal.owed.map(({ key }) => key) });
journal.deliver('broker', 'events', [{ from: 11, to: Number.POSITIVE_INFINITY }]);
for (const { station, key } of journal.owed)
	await journal.append([verdict(station, { verdict: 'error', part: `owed ${key}`, settles: key })]);
for (let part = 1; !isEnding; part += 1) {
	const key = `${process.pid}-${part}`;
	void journal.announce({ station: 'a', key, body: { part } });
	const entries = Array.from({ length: Number(many) }, (_, i) =>
		verdict(['a', 'b', 'a', 'c'][i % 4]!, { part: `${key}-${i}`, ...(i === 0 && { settles: key }) }),
	);
	const events = await journal.append(entries);
	say({ events: events.map(({ id, station, sequence, part: name }) => [id, station, sequence, name]) });
}
