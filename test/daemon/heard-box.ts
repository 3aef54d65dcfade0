import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { encodePng } from '../../src/opencv/picture.js';
import type { VerdictMessage } from '../../src/protocol/verdict.js';
import { drawPart } from '../../src/sim/line.js';
import { freePort } from '../free-port.js';
import { listen, startMosquitto } from '../mosquitto.js';
import { tinyBundle } from '../tiny-bundle.js';

export type HeardBox = AsyncDisposable & {
	/** Of its configuration. */
	readonly config: string;
	/** Address of its broker. */
	readonly broker: string;
	/** What was said on a topic so far. */
	told<T>(topic: string): readonly T[];
	verdicts(): readonly VerdictMessage[];
};

/** Lays into a folder what the box "t" needs, whose station "s" judges a picture twenty times a second, and listens at a broker. `more`: lines of its configuration; `stations`, `recipes`: more of those. */
export async function heardBox(path: string, more = '', stations = '', recipes = ''): Promise<HeardBox> {
	await mkdir(join(path, 'pictures'));
	await writeFile(join(path, 'pictures', '0.png'), encodePng(drawPart(1, 0, undefined, 96).image));
	await tinyBundle(join(path, 'bundle'));
	const broker = await startMosquitto(await freePort(), path);
	const subscriber = await listen(broker.url);
	const config = join(path, 'line.yaml');
	await writeFile(
		config,
		`box: t
mqtt: { url: "${broker.url}" }
${more}stations: { s: { camera: { source: pictures, loop: true }, recipe: r }${stations} }
recipes: { r: { model: bundle, threads: 1, trigger: { everyMs: 50 } }${recipes} }
`,
	);
	const told = <T>(topic: string) =>
		subscriber.heard
			.filter((heard) => heard.topic === topic)
			.map(({ payload }) => JSON.parse(payload.toString()) as T);
	return {
		config,
		broker: broker.url,
		told,
		verdicts: () => told<VerdictMessage>('inspectord/t/s/verdict'),
		[Symbol.asyncDispose]: async () => {
			await subscriber[Symbol.asyncDispose]();
			await broker[Symbol.asyncDispose]();
		},
	};
}
