// Appends to the journal of a folder until it is killed. Says what was acknowledged, a line of JSON each.
import { journalIn, verdict } from './journals.js';

const [folder = '', many = '1'] = process.argv.slice(2);
const journal = await journalIn(folder);
const say = (told: object) => process.stdout.write(`${JSON.stringify(told)}\n`);
say({ owed: journal.owed.map(({ key }) => key) });
for (const { station, key } of journal.owed)
	await journal.append([verdict(station, { verdict: 'error', part: `owed ${key}`, settles: key })]);
for (let part = 1; ; part += 1) {
	const key = `${process.pid}-${part}`;
	journal.announce({ station: 'a', key, body: { part } });
	const entries = Array.from({ length: Number(many) }, (_, i) =>
		verdict(i % 2 === 0 ? 'a' : 'b', { part: `${key}-${i}`, ...(i === 0 && { settles: key }) }),
	);
	const events = await journal.append(entries);
	say({ events: events.map(({ id, station, sequence, part: name }) => [id, station, sequence, name]) });
}
