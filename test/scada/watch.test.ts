import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { eventually } from '../free-port.js';
import { hasMosquitto } from '../mosquitto.js';
import { EXAMPLES, type Example, example, hasClients, type Plant, plant, type Said } from './plant.js';

const watching = suite('docs/scada/watch.mjs');

const watch = ({ path, port }: Plant, ...more: string[]): Example =>
	example(
		process.execPath,
		[join(EXAMPLES, 'watch.mjs'), '127.0.0.1', `${port}`, 'inspectord', ...more],
		path,
		{ PATIENCE_MS: '20000' },
	);

type Ledger = {
	readonly stations: Readonly<
		Record<
			string,
			{
				readonly station: string;
				readonly top: number;
				readonly holes: readonly { readonly from: number; readonly to: number }[];
			}
		>
	>;
};

const of = (said: readonly Said[], kind: string) => said.filter((one) => one.kind === kind);
const ids = (said: readonly Said[]) => of(said, 'part').map(({ id }) => id as string);

watching(
	'tells every part once through kill -9 of the box and of the broker, or that it is missing, and every gap with its reason',
	async () => {
		if (!hasMosquitto() || !hasClients()) return;
		await using line = await plant();
		const told: Said[] = [];
		let watcher = watch(line);
		try {
			const more = async (what: string, n: number) => {
				const from = watcher.said.length;
				await eventually(
					`${what} ${watcher.errors()}`,
					() => of(watcher.said.slice(from), 'part').length >= n,
				);
			};
			await eventually('it subscribes', () => watcher.child.pid);
			await new Promise((resolve) => setTimeout(resolve, 500));
			let box = line.box();
			await more('parts come', 30);
			await box[Symbol.asyncDispose]();
			box = line.box();
			await more('they come after kill -9 of the box', 30);
			await line.broker.kill('SIGKILL');
			await new Promise((resolve) => setTimeout(resolve, 7000));
			await line.restartBroker();
			await more('they come after kill -9 of the broker', 100);
			await eventually('late ones come', () => of(watcher.said, 'part').some(({ late }) => late));
			await watcher.end('SIGTERM');
			told.push(...watcher.said);
			await new Promise((resolve) => setTimeout(resolve, 1000));
			watcher = watch(line);
			await more('they come after the watcher was away', 30);
			await line.broker.kill('SIGKILL');
			await new Promise((resolve) => setTimeout(resolve, 3000));
			box.child.kill('SIGTERM');
			await box.ended;
			const gaps = await line.lose(5);
			assert.ok(gaps.length >= 2);
			await line.restartBroker();
			box = line.box();
			await eventually('the gaps are told', () => of(watcher.said, 'gap').length >= gaps.length);
			await more('they come after the gap', 100);
			box.child.kill('SIGTERM');
			await box.ended;
			const recorded = await line.recorded();
			const lost = ({ station, sequence }: (typeof recorded)[number]) =>
				gaps.some((gap) => gap.station === station && gap.from <= sequence && sequence <= gap.to);
			const expected = recorded.filter((part) => !part.waits && !lost(part)).map(({ id }) => id);
			await eventually(
				'all are told',
				() => {
					const known = new Set(ids([...told, ...watcher.said]));
					return expected.every((id) => known.has(id));
				},
				10_000,
			).catch(() => {});
			await watcher.end('SIGTERM');
			told.push(...watcher.said);
			const heardIds = ids(told);
			// Killed between its word and its disk, mosquitto loses what it has just acknowledged.
			const ledger: Ledger = JSON.parse(await readFile(join(line.path, 'ledger.json'), 'utf8'));
			const isKnownMissing = ({ station, sequence }: (typeof recorded)[number]) =>
				Object.values(ledger.stations).some(
					(one) =>
						one.station === station && one.holes.some(({ from, to }) => from <= sequence && sequence <= to),
				);
			const known = Object.values(ledger.stations).map(({ station, top }) => `${station} up to ${top}`);
			assert.equal(
				{
					untold: recorded.filter(
						(part) => expected.includes(part.id) && !heardIds.includes(part.id) && !isKnownMissing(part),
					),
					unknown: heardIds.filter((id) => !recorded.some((part) => part.id === id)),
					twice: heardIds.filter((id, i) => heardIds.indexOf(id) !== i),
				},
				{ untold: [], unknown: [], twice: [] },
				`the ledger knows ${known.join(', ')}; recorded: ${recorded.length}`,
			);
			assert.equal(
				of(told, 'gap').map(({ station, from, to, reason }) => ({ station, from, to, reason })),
				gaps.map((gap) => ({ ...gap, reason: 'retention' })),
			);
			assert.equal(of(told, 'missing'), []);
			const pictures = of(told, 'picture');
			assert.ok(pictures.length > 50 && pictures.every(({ is }) => is === 'whole'));
			assert.equal(of(told, 'unread'), []);
		} finally {
			await watcher[Symbol.asyncDispose]();
		}
	},
);

watching(
	'what the broker lost and what it lost itself is missing, and comes again for want of a receipt',
	async () => {
		if (!hasMosquitto() || !hasClients()) return;
		if (process.env.SCADA !== 'whole') {
			console.log('skipped: receipts are waited for by npm run scada');
			return;
		}
		await using line = await plant(['max_queued_messages 20'], ', receipts: true');
		const told: Said[] = [];
		{
			await using killed = watch(line, 'receipts');
			await new Promise((resolve) => setTimeout(resolve, 1000));
			line.box();
			await eventually('parts come', () => ids(killed.said).length > 60);
			await killed.end('SIGKILL');
			told.push(...killed.said);
		}
		await new Promise((resolve) => setTimeout(resolve, 5000));
		await using watcher = watch(line, 'receipts');
		const numbers = (kind: string) =>
			of(watcher.said, kind).flatMap(({ station, sequence, from, to }) => {
				const [first, last] =
					kind === 'missing' ? [Number(from), Number(to)] : [Number(sequence), Number(sequence)];
				return Array.from({ length: last - first + 1 }, (_, i) => `${station} ${first + i}`);
			});
		await eventually('some are missing', () => numbers('missing').length > 100, 60_000);
		await eventually(
			'all of them are found',
			() => numbers('found').length >= numbers('missing').length,
			120_000,
		);
		const box = line.boxes[0]!;
		box.child.kill('SIGTERM');
		await box.ended;
		await new Promise((resolve) => setTimeout(resolve, 2000));
		await watcher.end('SIGTERM');
		told.push(...watcher.said);
		assert.equal(numbers('found').sort(), numbers('missing').sort());
		const known = new Set(ids(told));
		const recorded = await line.recorded();
		assert.equal(
			recorded.filter(({ id, waits }) => !waits && !known.has(id)),
			[],
		);
	},
);

watching.run();
