// One side of the comparison, on whatever processor runs it: node score.mjs DIST BUNDLE PICTURES OUT. A line of JSON a precision, and
// the maps of all pictures in OUT. What the golden vectors would refuse is scored all the same, and said.
import { createHash } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { pathToFileURL } from 'node:url';

const [dist, folder, pictures, out] = process.argv.slice(2);
const of = (module) => import(pathToFileURL(path.join(dist, module)).href);
const { readBundle } = await of('disk/bundle.js');
const { listImages } = await of('disk/dataset.js');
const { openScorer } = await of('inspect/scorer.js');
const { scoreWith } = await of('model/scored.js');
const { productProbe } = await of('model/product-probe.js');
const { readPicture } = await of('opencv/picture.js');
const { openSession } = await of('ort/session.js');

const say = (value) => console.log(JSON.stringify(value));
const hash = createHash('sha256');
const bundle = await readBundle(folder);
const { tiling, region } = bundle.manifest.input;

const inputs = [];
for (const file of await listImages(pictures)) {
	const frame = await readPicture(file);
	const data = frame.modelInput(region ?? undefined, tiling);
	frame.release();
	hash.update(data);
	inputs.push({ name: path.basename(file), data });
}
const { model, ones, exact } = productProbe();
const probe = await openSession(model, { threads: 1 });
const { sum } = await probe.run({ ones });
await probe.close();
say({ kind: 'machine', arch: process.arch, inputs: hash.digest('hex'), exactProducts: exact(sum.data) });

for (const [precision, model] of Object.entries(bundle.models)) {
	const golden = await openScorer(bundle, openSession, { provider: 'cpu', precision, threads: 1 }).then(
		async (scorer) => {
			await scorer.close();
			return null;
		},
		({ code, message }) => ({ code, message }),
	);
	const session = await openSession(model, { threads: 1 });
	const maps = [];
	const scores = {};
	const begunMs = performance.now();
	for (const { name, data } of inputs) {
		const { score, map } = await scoreWith(session, data, tiling);
		scores[name] = score;
		maps.push(Buffer.from(map.slice().buffer));
	}
	const msEach = (performance.now() - begunMs) / inputs.length;
	await session.close();
	await writeFile(`${out}.${precision}`, Buffer.concat(maps));
	say({ kind: 'scores', precision, golden, scores, msEach });
}
// Without this ONNX Runtime's threads may outlive us in the emulator.
process.exit(0);
