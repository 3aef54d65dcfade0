// The demonstration's lesson on this machine: node teach.mjs DIST HOME OUT. OUT/flange is its bundle as the gate let it be; OUT/small is of
// the same lesson with pictures of 64 pixels, for what an emulator is to score often. int8 is most often refused for so small a network:
// OUT/small-int8-ungated holds that model all the same, only to be computed elsewhere too.
import path from 'node:path';
import { pathToFileURL } from 'node:url';

const [dist, home, out] = process.argv.slice(2);
const of = (module) => import(pathToFileURL(path.join(dist, module)).href);
const { LESSON } = await of('commands/demonstration.js');
const { writeBundle } = await of('disk/bundle.js');
const { readTeacher, teacherPath } = await of('disk/teacher.js');
const { goodFrames, preparedImages } = await of('jobs/good-images.js');
const { teachWorld } = await of('jobs/world.js');
const { teach } = await of('learn/teach.js');
const { scoreWith } = await of('model/scored.js');
const { foldTeacher } = await of('model/teacher.js');
const { oneTile } = await of('model/tiling.js');
const { openSession } = await of('ort/session.js');

const backbone = 'pocket';
const { seed, count, size, ...lesson } = LESSON;
const SMALL = 64;
const { weights, sha256, metadata } = await readTeacher(teacherPath(home, backbone));
const teacher = {
	weights: foldTeacher(weights, backbone),
	sha256,
	origin: metadata.origin ?? backbone,
	seeded: false,
};

const frames = await goodFrames({ sim: { seed, count } });
const flange = await taught('flange', size);
const small = await taught('small', SMALL);
const eight = await ungated(small);
console.log(JSON.stringify({ flange: told(flange), small: told(small), eight }));

/** What the lesson tries is opened as bytes, and kept in `tried`. */
async function taught(name, side) {
	const tiling = oneTile(side);
	const tried = [];
	const world = {
		...teachWorld('arm64', new AbortController().signal, () => {}),
		openSession: (model, options) => {
			tried.push(model);
			return openSession(model, options);
		},
	};
	const settings = { ...lesson, name, backbone, tiling, seed, holdout: 0.2, threads: 0, precision: 'int8' };
	const contents = await teach(preparedImages(frames, undefined, tiling), teacher, settings, world);
	const { dir } = await writeBundle(path.join(out, name), contents);
	return { dir, contents, tiling, tried };
}

function told({ dir, contents: { manifest } }) {
	const { threshold, mapMedian } = manifest.calibration;
	const { runs, gates } = manifest.precision;
	const refused = (gates.int8 ?? []).filter(({ ok }) => !ok);
	return { dir, threshold, usual: mapMedian, runs, refused };
}

/** A session may also be opened of an engine's files. */
function isInt8(model) {
	return model instanceof Uint8Array && Buffer.from(model).includes('QuantizeLinear');
}

/** Features alone and probes of products are in int8, too. */
function largest(models) {
	return models.reduce((a, b) => (b.length > a.length ? b : a));
}

/** @returns the folder of a bundle that says of int8 what no gate has found */
async function ungated({ contents, tiling, tried }) {
	const int8 = contents.models.int8 ?? largest(tried.filter(isInt8));
	const session = await openSession(int8, { threads: 1 });
	const golden = [];
	for (const vector of contents.golden) {
		const { score, map } = await scoreWith(session, vector.image, tiling);
		const places = Object.keys(vector.expected.fp32.map);
		const expected = { int8: { score, map: Object.fromEntries(places.map((i) => [i, map[Number(i)]])) } };
		golden.push({ image: vector.image, expected });
	}
	await session.close();
	const name = 'small-int8-ungated';
	const finding = { measure: 'verdict flips', value: 0, limit: 0, ok: true };
	const precision = { runs: 'int8', gates: { int8: [finding] } };
	const manifest = { ...contents.manifest, name, precision };
	return (await writeBundle(path.join(out, name), { manifest, models: { int8 }, golden })).dir;
}
