import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Refusal } from '../../src/control/answer.js';
import type { Edit, Edited, Standing } from '../../src/control/edit.js';
import { watchByHand } from '../../src/daemon/by-hand.js';
import { startProving } from '../../src/daemon/proving.js';

const byHand = suite('an edit of the file by hand');

const bytesOf = (text: string) => new TextEncoder().encode(text);

/** A file and an editor of values; every pause is a step of the test. */
function world(first: string, isRefused = false) {
	const steps: (() => void)[] = [];
	const here = {
		held: first as string | undefined,
		faults: undefined as string | undefined,
		current: 'a',
		answer: (_: string): void => {},
		edits: [] as string[],
		kept: [] as string[],
		isFull: false,
		logged: [] as string[],
		/** Lets it go on to its next pause. */
		step: async (times = 4) => {
			for (let i = 0; i < times; i += 1) {
				steps.splice(0).forEach((go) => void go());
				for (let j = 0; j < 20; j += 1) await Promise.resolve();
			}
		},
	};
	const watching = watchByHand({
		path: 'line.yaml',
		read: async () => (here.held === undefined ? undefined : bytesOf(here.held)),
		look: async () => ({
			bytes: here.held === undefined ? undefined : bytesOf(here.held),
			text: here.held,
			...(here.faults !== undefined && { faults: here.faults }),
		}),
		isCurrent: (text) => text === here.current,
		refuse: async (_, reasons) => {
			if (here.isFull) throw new Error('the disk is full');
			here.kept.push(reasons);
			return 'line.yaml.refused';
		},
		editor: {
			current: () => ({ rev: `1-${here.current}` }) as Standing,
			edit: async ({ by, change }: Edit) => {
				assert.equal(by, { place: 'file' });
				const { text } = change as { text: string };
				here.edits.push(text);
				here.answer(text);
				here.current = text;
				return {} as Edited;
			},
		},
		watch: () => {},
		isRefused,
		pace: {
			pause: (_, signal) =>
				new Promise((resolve) => {
					steps.push(resolve);
					signal.addEventListener('abort', () => resolve());
				}),
		},
		log: (level, _, message) => here.logged.push(`${level} ${message}`),
	});
	return { here, again: watching.again, [Symbol.asyncDispose]: () => watching[Symbol.asyncDispose]() };
}

byHand('is taken once, when it is whole', async () => {
	await using at = world('a');
	const { here } = at;
	await here.step();
	assert.equal(here.edits, []);
	here.held = 'half';
	await here.step(1);
	here.held = 'whole';
	await here.step(8);
	assert.equal(here.edits, ['whole']);
	here.held = 'whole';
	await here.step(8);
	assert.equal(here.edits, ['whole']);
	assert.equal(here.logged, []);
});

byHand(
	'that is refused while the disk is full is kept as soon as it can be, and not tried again',
	async () => {
		await using at = world('a');
		const { here } = at;
		here.answer = () => {
			throw new Refusal('failed', 'the disk is full');
		};
		here.isFull = true;
		here.held = 'b';
		await here.step(12);
		assert.equal(here.kept, []);
		here.isFull = false;
		await here.step(12);
		assert.equal(here.kept, ['the disk is full\n']);
		assert.equal(here.edits, ['b']);
		assert.is(here.logged.length, 2);
	},
);

byHand('that is refused stays in the file, is kept beside it with all faults, and told once', async () => {
	await using at = world('a');
	const { here } = at;
	here.answer = () => {
		throw new Refusal('invalid', 'two faults', [
			{ path: 'x', message: 'unknown key (line 3)' },
			{ path: 'y', message: 'is missing (line 4)' },
		]);
	};
	here.held = 'b';
	await here.step(12);
	assert.equal(here.edits, ['b']);
	assert.is(here.held, 'b');
	assert.equal(here.kept, [
		'two faults\nline.yaml: x: unknown key (line 3)\nline.yaml: y: is missing (line 4)\n',
	]);
	assert.is(here.logged.length, 1);
	assert.match(here.logged[0]!, /^error two faults.*line\.yaml\.refused.*revision 1-a runs on$/s);
	here.held = 'a';
	await here.step(8);
	here.answer = () => {};
	here.held = 'b';
	await here.step(8);
	assert.equal(here.edits, ['b', 'b'], 'what was mended and written again is tried again');
});

byHand(
	'that was refused is tried again when somebody asks for it, who waits until that is done',
	async () => {
		await using at = world('a');
		const { here } = at;
		here.answer = () => {
			throw new Refusal('failed', 'no camera', []);
		};
		here.held = 'b';
		await here.step(12);
		here.answer = () => {};
		let isDone = false;
		void at.again().then(() => {
			isDone = true;
		});
		await here.step(1);
		assert.not.ok(isDone);
		await here.step(8);
		assert.equal(here.edits, ['b', 'b']);
		assert.ok(isDone);
		await Promise.all([here.step(8), at.again()]);
		assert.equal(here.edits, ['b', 'b'], 'what stands is not moved to again');
	},
);

byHand('that does not read is told with its faults, and reaches no editor', async () => {
	await using at = world('a');
	const { here } = at;
	here.held = 'b: [';
	here.faults = 'line.yaml:1:5 no end';
	await here.step(12);
	assert.equal(here.edits, []);
	assert.equal(here.kept, ['line.yaml:1:5 no end\n']);
});

byHand('that comes while another edit waits to be confirmed is taken later', async () => {
	await using at = world('a');
	const { here } = at;
	here.answer = () => {
		throw new Refusal('conflict', 'revision 2 waits to be confirmed');
	};
	here.held = 'b';
	await here.step(6);
	assert.ok(here.edits.length > 0);
	assert.equal(here.kept, []);
	here.answer = () => {};
	await here.step(8);
	assert.is(here.current, 'b');
});

byHand('of somebody who goes on writing is not told of what was there before', async () => {
	await using at = world('a');
	const { here } = at;
	here.answer = (text) => {
		here.held = 'c';
		if (text === 'b') throw new Refusal('failed', 'the broker does not answer');
	};
	here.held = 'b';
	await here.step(12);
	assert.equal(here.edits, ['b', 'c']);
	assert.equal(here.kept, []);
});

byHand('that takes the file away is told, and changes nothing', async () => {
	await using at = world('a');
	const { here } = at;
	await here.step();
	here.held = undefined;
	await here.step(12);
	assert.equal(here.logged, ['warning "line.yaml" is gone: revision 1-a runs on']);
	here.held = 'a';
	await here.step(8);
	assert.equal(here.edits, []);
});

byHand('that was refused at the start is not told again', async () => {
	await using at = world('b', true);
	await at.here.step(12);
	assert.equal(at.here.edits, []);
	await using other = world('b');
	await other.here.step(12);
	assert.equal(other.here.edits, ['b'], 'and what was refused by an older daemon is tried again');
});

byHand('and any other revision is proven by five minutes of running, or by an end in order', async () => {
	let nowMs = 0;
	let rev: string | null = '1';
	let go = () => {};
	const proven: string[] = [];
	let isForgotten = false;
	let isTaken = true;
	const proving = startProving({
		standing: () => rev,
		isWell: () => true,
		prove: async (one) => {
			if (isTaken) proven.push(one);
			return isTaken;
		},
		forget: async () => {
			isForgotten = true;
			return true;
		},
		pace: {
			now: () => nowMs,
			pause: (_, signal) =>
				new Promise((resolve) => {
					go = resolve;
					signal.addEventListener('abort', () => resolve());
				}),
		},
	});
	const at = async (ms: number) => {
		nowMs = ms;
		go();
		for (let j = 0; j < 20; j += 1) await Promise.resolve();
	};
	await at(299_000);
	assert.equal(proven, []);
	rev = '2';
	await at(299_500);
	await at(301_000);
	assert.equal(proven, []);
	isTaken = false;
	await at(599_600);
	assert.equal(proven, [], 'the disk takes nothing');
	isTaken = true;
	await at(599_700);
	await at(599_800);
	assert.equal(proven, ['2']);
	rev = null;
	await at(2_000_000);
	rev = '3';
	await at(2_000_001);
	await proving[Symbol.asyncDispose]();
	assert.equal(proven, ['2', '3']);
	assert.ok(isForgotten);
});

byHand.run();
