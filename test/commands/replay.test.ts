import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { encodeJpeg } from '../../src/opencv/picture.js';
import { drawPart } from '../../src/sim/line.js';
import { program } from '../program.js';
import { journalIn, state, verdict } from '../sqlite/journals.js';
import { temporaryFolder, tinyBundle } from '../tiny-bundle.js';

const replays = suite('inspectord replay');

replays('says what would have been with another threshold', async () => {
	await using folder = await temporaryFolder();
	await using journal = await journalIn(folder.path);
	await journal.append([
		...[0.1, 0.2, 0.3].map((score) => verdict('lid', { score })),
		verdict('lid', { score: 0.9, verdict: 'reject' }),
		verdict('lid', { score: 0.9, verdict: 'error' }),
		verdict('lid', { score: null, verdict: 'error' }),
		verdict('box', { score: 0.25 }),
		state('lid'),
	]);
	const { code, out, err } = await program('replay', '--state', folder.path, '--threshold', '0.2', '--json');
	assert.is(code, 0, err);
	const lines = out
		.trim()
		.split('\n')
		.map((line) => JSON.parse(line));
	assert.equal(
		lines.slice(0, -1).map(({ sequence, was, verdict: now }) => [sequence, was, now]),
		[
			[3, 'accept', 'reject'],
			[1, 'accept', 'reject'],
		],
	);
	assert.equal(lines.at(-1), {
		verdicts: 7,
		threshold: 0.2,
		changed: { 'accept → reject': 2 },
		unknown: { 'without a score': 2 },
	});
	const shown = await program('replay', '--state', folder.path, '--threshold', '1', '--station', 'lid');
	assert.match(shown.out, /lid {2}#4 {2}reject {2}0\.9000 {2}→ {2}accept/);
	assert.match(shown.out, /1 of 6 verdicts would have been others with threshold 1\./);
});

replays('scores kept frames with another bundle, and counts parts without one', async () => {
	await using folder = await temporaryFolder();
	const bundle = await tinyBundle(join(folder.path, 'bundle'));
	const state = join(folder.path, 'state');
	await using journal = await journalIn(state);
	await journal.append([1, 2, 3, 4].map((score) => verdict('lid', { score, verdict: 'error' })));
	const whole = drawPart(1, 0, undefined, 64);
	const view = drawPart(1, 0, undefined, 16);
	await journal.keep([
		{ event: 1, role: 'frame', index: 0, jpeg: encodeJpeg(whole.image, 95) },
		{ event: 2, role: 'frame', index: 0, jpeg: Buffer.from('no picture') },
		{ event: 3, role: 'frame', index: 0, jpeg: encodeJpeg(view.image, 95) },
	]);
	const { code, out, err } = await program(
		'replay',
		'--state',
		state,
		'--bundle',
		bundle,
		'--json',
		'--threads',
		'1',
	);
	assert.is(code, 0, err);
	const { verdicts, changed, unknown } = JSON.parse(out.trim().split('\n').at(-1)!);
	assert.is(verdicts, 4);
	assert.equal(unknown, {
		'whose frame cannot be read': 1,
		'without a whole frame': 1,
		'without a frame': 1,
	});
	assert.is(
		Object.values(changed as Record<string, number>).reduce((sum, count) => sum + count, 0),
		1,
	);
});

for (const [what, args] of [
	['nothing that is other', []],
	['two things that are other', ['--threshold', '1', '--bundle', 'b']],
	['a threshold that is none', ['--threshold', 'high']],
] as const) {
	replays(`refuses ${what}`, async () => {
		await using folder = await temporaryFolder();
		{
			await using _ = await journalIn(folder.path);
		}
		const { code, err } = await program('replay', '--state', folder.path, ...args);
		assert.is(code, 2, err);
	});
}

replays.run();
