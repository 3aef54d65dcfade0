import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Failure } from '../../src/base/failure.js';
import { randomFrom } from '../../src/base/random.js';
import {
	type Answered,
	type AnswerStore,
	type Asked,
	createAnswerer,
	type Handlers,
	Refusal,
} from '../../src/control/answer.js';
import type { Answer, Progress } from '../../src/protocol/answer.js';
import { requestExamples } from '../../src/protocol/request-examples.js';
import { demandOf, REQUESTS, type RequestName, requestNames } from '../../src/protocol/requests.js';
import type { Role } from '../../src/protocol/roles.js';
import { warningsDuring } from '../warnings.js';

const answers = suite('answers to requests');

/** A disk that keeps claims and answers; while it is `stuck`, writes wait. */
function disk() {
	const rows = new Map<
		string,
		{ claim: Parameters<AnswerStore['claim']>[0]; answer?: string; isSaid: boolean }
	>();
	const nameOf = ({ requester, request }: { requester: string; request: string }) =>
		`${request} ${requester}`;
	let isStuck = false;
	const waiting: (() => void)[] = [];
	const turn = () => new Promise<void>((resolve) => (isStuck ? waiting.push(resolve) : resolve()));
	let failure: string | null = null;
	const store: AnswerStore = {
		get condition() {
			return { failure };
		},
		kept: async () =>
			[...rows.values()].map(({ claim, answer, isSaid }) => ({
				...claim,
				isAnswered: answer !== undefined,
				isSaid,
			})),
		claim: async (claim) => {
			await turn();
			if (!rows.has(nameOf(claim))) rows.set(nameOf(claim), { claim, isSaid: false });
		},
		release: (key) => {
			void turn().then(() => rows.delete(nameOf(key)));
		},
		answer: async (key, answer) => {
			await turn();
			const row = rows.get(nameOf(key));
			if (row) row.answer ??= answer;
		},
		answerTo: async (key) => rows.get(nameOf(key))?.answer ?? null,
	};
	return {
		rows,
		store,
		/** It says that it takes nothing; null: it takes what comes. */
		refuse: (why: string | null) => {
			failure = why;
		},
		stick: () => {
			isStuck = true;
		},
		free: () => {
			isStuck = false;
			for (const go of waiting.splice(0)) go();
		},
	};
}

type World = ReturnType<typeof disk> & {
	readonly clock: { ms: number };
	readonly done: string[];
	readonly lines: string[];
	answerer(handlers?: Partial<Handlers>): ReturnType<typeof createAnswerer>;
};

/** Nothing waits: a pause ends when its signal is aborted, or when the time is put forward past it. */
function world(): World {
	const kept = disk();
	const clock = { ms: 0 };
	const [done, lines]: [string[], string[]] = [[], []];
	const each = async (name: string) => {
		done.push(name);
		return { text: 'done', result: {} };
	};
	const all = Object.fromEntries(requestNames.map((name) => [name, () => each(name)])) as unknown as Handlers;
	return {
		...kept,
		clock,
		done,
		lines,
		answerer: (handlers = {}) =>
			createAnswerer({
				store: kept.store,
				handlers: { ...all, ...handlers },
				onDenied: ({ name, by }) => lines.push(`denied: ${name} ${by.role} ${by.key}`),
				checkSignature: async ({ signature, ask }) => {
					if (signature.key !== 'known') throw new Refusal('denied', `not by ${JSON.stringify(ask)}`);
				},
				pace: {
					now: () => clock.ms,
					pause: async (ms, signal) => {
						const endMs = clock.ms + ms;
						while (clock.ms < endMs && !signal.aborted) await new Promise((resolve) => setImmediate(resolve));
					},
				},
				wallClock: () => Date.UTC(2026, 0, 1) + clock.ms,
				log: (level, _, line) => lines.push(`${level}: ${line}`),
				openly: (text) => text.replaceAll('geheim', '***'),
			}),
	};
}

const asked = (
	name: string,
	body: unknown,
	more: Partial<Asked> & { readonly text?: string } = {},
): Asked => ({
	name,
	role: 'viewer',
	bytes: Buffer.from(more.text ?? JSON.stringify(body)),
	isRetained: false,
	placeFor: (client) => client && `answer/${client}`,
	correlation: null,
	onProgress: () => {},
	...more,
});

const by = (id: string, more: object = {}) => ({ id, client: 'c', ...more });

answers('are given to every request that a role may ask, and to no other', async () => {
	for (const role of ['viewer', 'operator', 'engineer'] as Role[]) {
		const { answerer, done, clock } = world();
		const one = await answerer();
		for (const name of requestNames) {
			clock.ms += 10_000;
			const { answer } = (await one.ask(
				asked(name, by(`${role}-${name}`, requestExamples[name][0]!.ask), { role }),
			))!;
			const needed = demandOf(REQUESTS[name], REQUESTS[name].ask.parse(requestExamples[name][0]!.ask)).role;
			const may =
				{ viewer: 0, operator: 1, engineer: 2 }[role] >= { viewer: 0, operator: 1, engineer: 2 }[needed];
			assert.is(answer.code, may ? 'ok' : 'denied', `${role} ${name}`);
			assert.is(done.includes(name), may);
		}
	}
});

const refusals: readonly (readonly [
	what: string,
	name: string,
	asked: Partial<Asked> & { readonly text?: string },
	code: string,
	text: RegExp,
])[] = [
	[
		'a request that is none',
		'stat',
		{ text: '{"id":"1","client":"c"}' },
		'unknown',
		/did you mean "state"\?/,
	],
	[
		'a name like a method',
		'constructor',
		{ text: '{"id":"1","client":"c"}' },
		'unknown',
		/no request "constructor"/,
	],
	[
		'a key that is none',
		'events',
		{ text: '{"id":"1","client":"c","statoin":"s"}' },
		'invalid',
		/statoin: unknown key, did you mean "station"\?/,
	],
	['a value that is none', 'events', { text: '{"id":"1","client":"c","limit":0}' }, 'invalid', /^limit: /],
	['no id', 'state', { text: '{"client":"c"}' }, 'invalid', /no id/],
	['an id that is none', 'state', { text: '{"id":"a b","client":"c"}' }, 'invalid', /^id: /],
	['no JSON', 'state', { text: '{', placeFor: () => 'x' }, 'invalid', /no JSON/],
	[
		'too much',
		'state',
		{ text: JSON.stringify('x'.repeat(5000)), placeFor: () => 'x' },
		'invalid',
		/at most 4096/,
	],
	['too deep', 'state', { text: '['.repeat(50), placeFor: () => 'x' }, 'invalid', /nested/],
	[
		'what comes too late',
		'state',
		{ text: '{"id":"1","client":"c","before":"2025-12-31T23:59:59.999Z"}' },
		'late',
		/not to be done after/,
	],
];

for (const [what, name, more, code, text] of refusals) {
	answers(`refuse ${what}`, async () => {
		const { answerer, done, rows } = world();
		const { answer } = (await (await answerer()).ask(asked(name, {}, more)))!;
		assert.is(answer.code, code);
		assert.match(answer.text, text);
		assert.equal([done, rows.size], [[], 0]);
	});
}

const SIGNATURE = {
	key: 'known',
	at: '2026-01-01T00:00:00.000Z',
	nonce: 'abcdefghijklmnop',
	value: 'A'.repeat(86),
};

answers('to a signed request know the key, and none is done whose signature is not right', async () => {
	const keys: (string | undefined)[] = [];
	const { answerer, lines } = world();
	const redeliver: Handlers['redeliver'] = async (_, { by }) => {
		keys.push(by.key);
		return { text: 'done', result: { letters: 1 } };
	};
	const one = await answerer({ redeliver });
	const ask = async (id: string, more: object) =>
		(await one.ask(asked('redeliver', by(id, { letters: [7], ...more }), { role: 'operator' })))!.answer;
	assert.is((await ask('1', {})).code, 'ok');
	assert.is((await ask('2', { signature: SIGNATURE })).code, 'ok');
	const denied = await ask('3', { signature: { ...SIGNATURE, key: 'other' } });
	assert.equal([denied.code, denied.text], ['denied', 'not by {"letters":[7]}']);
	assert.equal(keys, [undefined, 'known']);
	for (const wrong of [
		{ ...SIGNATURE, nonce: 'short' },
		{ ...SIGNATURE, value: 'A' },
		{ key: 'known' },
		1,
		null,
	])
		assert.is((await ask('4', { signature: wrong })).code, 'invalid');
	assert.equal(lines, ['denied: redeliver operator other']);
});

answers('tell whom a change was denied, and nobody who only wanted to look', async () => {
	const { answerer, lines } = world();
	const one = await answerer();
	for (const name of ['redeliver', 'diagnostics', 'config'])
		await one.ask(asked(name, by(name, requestExamples[name as RequestName].at(-1)!.ask)));
	assert.equal(lines, ['denied: redeliver viewer undefined', 'denied: config viewer undefined']);
});

answers('tell every fault with its path', async () => {
	const { answerer } = world();
	const body = by('1', { limt: 3, verdict: 'maybe', part: 7 });
	const { answer } = (await (await answerer()).ask(asked('events', body)))!;
	assert.equal(answer.faults.map(({ path }) => path).sort(), ['limt', 'part', 'verdict']);
});

answers('come once for an id: the kept one the second time, also after a restart', async () => {
	const { answerer, done } = world();
	const one = await answerer();
	const first = await one.ask(asked('state', by('1')));
	const second = await one.ask(asked('state', by('1')));
	const after = await (await answerer()).ask(asked('state', by('1')));
	assert.equal(second!.answer, first!.answer);
	assert.equal(after!.answer, first!.answer);
	assert.equal(done, ['state']);
	const other = await one.ask(asked('state', { id: '1', client: 'd' }));
	assert.is(other!.place, 'answer/d');
	assert.is(done.length, 2);
	assert.is((await one.ask(asked('events', by('1'))))!.answer.code, 'conflict');
	assert.is((await one.ask(asked('state', by('1'), { role: 'engineer' })))!.answer.code, 'conflict');
});

answers('come once while the first is worked on', async () => {
	const { answerer, done, lines } = world();
	let finish = () => {};
	const slow = new Promise<void>((resolve) => {
		finish = resolve;
	});
	const one = await answerer({
		state: async () => {
			done.push('state');
			await slow;
			return { text: '', result: { box: 'b', version: '0', connected: true, stations: [], alarms: [] } };
		},
	});
	const first = one.ask(asked('state', by('1')));
	await new Promise((resolve) => setTimeout(resolve, 10));
	assert.is(await one.ask(asked('state', by('1'))), undefined);
	finish();
	assert.is((await first)!.answer.code, 'ok');
	assert.equal([done.length, lines], [1, []]);
});

answers(
	'say of a claim that the last daemon left that it was interrupted, and nobody does it again',
	async () => {
		const { answerer, done, store, rows } = world();
		const claim = JSON.stringify({ name: 'redeliver', id: '1', correlation: 'ab' });
		await store.claim({ requester: 'answer/c', request: '1', print: 'x', claim, atMs: 0 });
		const one = await answerer();
		assert.equal(
			one.owed.map(({ place, correlation, answer }) => [place, correlation, answer.code, answer.id]),
			[['answer/c', 'ab', 'interrupted', '1']],
		);
		assert.match(rows.get('1 answer/c')!.answer!, /interrupted/);
		const again = await one.ask(asked('redeliver', by('1'), { role: 'operator' }));
		assert.is(again!.answer.code, 'conflict');
		assert.equal(done, []);
		rows.get('1 answer/c')!.isSaid = true;
		assert.is((await answerer()).owed.length, 0);
	},
);

answers('to what goes wrong say why, without what is secret', async () => {
	const cases: readonly (readonly [thrown: unknown, code: string, text: RegExp])[] = [
		[
			new Failure('file-unreadable', 'Cannot read "geheim"', 'Try again.'),
			'failed',
			/^Cannot read "\*\*\*"\. Try again\.$/,
		],
		[new Refusal('conflict', 'it has moved'), 'conflict', /moved/],
		[new TypeError('x is not a function'), 'failed', /fault of ours/],
	];
	for (const [thrown, code, text] of cases) {
		const { answerer } = world();
		const one = await answerer({ state: () => Promise.reject(thrown) });
		const { answer } = (await one.ask(asked('state', by('1'))))!;
		assert.is(answer.code, code);
		assert.match(answer.text, text);
	}
});

answers(
	'come in time: what takes too long is late, and what is cut off by the end is interrupted',
	async () => {
		const { answerer, clock } = world();
		const one = await answerer({ state: () => new Promise(() => {}), events: () => new Promise(() => {}) });
		const late = one.ask(asked('state', by('1')));
		await new Promise((resolve) => setTimeout(resolve, 10));
		clock.ms += REQUESTS.state.limitMs;
		assert.is((await late)!.answer.code, 'late');
		const cut = one.ask(asked('events', by('2')));
		await new Promise((resolve) => setTimeout(resolve, 10));
		await one[Symbol.asyncDispose]();
		assert.is((await cut)!.answer.code, 'interrupted');
	},
);

answers('to a retained request are kept once, and it is not done', async () => {
	const { answerer, done } = world();
	const one = await answerer();
	const first = await one.ask(asked('state', by('1'), { isRetained: true }));
	assert.match(first!.answer.text, /retained/);
	assert.is(await one.ask(asked('state', by('1'), { isRetained: true })), undefined);
	assert.is(await one.ask(asked('nothing', by('2'), { isRetained: true })), undefined);
	assert.equal(done, []);
});

answers('are bounded: by place, in all, and by what is worked on', async () => {
	const { answerer, clock, done } = world();
	const one = await answerer();
	const codes: (string | undefined)[] = [];
	for (let i = 0; i < 200; i += 1) codes.push((await one.ask(asked('state', by(`${i}`))))?.answer.code);
	const count = (code: string | undefined) => codes.filter((each) => each === code).length;
	assert.equal([count('ok'), count('busy'), count(undefined)], [20, 60, 120]);
	assert.is((await one.ask(asked('state', { id: '1', client: 'd' })))!.answer.code, 'ok');
	clock.ms += 60_000;
	const before = done.length;
	for (let i = 0; i < 200; i += 1) await one.ask(asked('state', { id: `x${i}`, client: `e${i}` }));
	assert.is(done.length - before, 60);
	clock.ms += 60_000;
	const stuck = await answerer({ state: () => new Promise(() => {}) });
	const open = Array.from({ length: 12 }, (_, i) => stuck.ask(asked('state', by(`y${i}`))));
	const over = await Promise.all(open.slice(8));
	assert.equal(
		over.map((each) => each?.answer.code),
		['busy', 'busy', 'busy', 'busy'],
	);
	await stuck[Symbol.asyncDispose]();
	await Promise.all(open);
});

answers(
	'while the disk takes nothing: what changes something is not done, and what only looks is',
	async () => {
		const { answerer, clock, done, stick, free, rows } = world();
		const one = await answerer();
		stick();
		const wanted = (name: RequestName) => one.ask(asked(name, by(name), { role: 'engineer' }));
		const [changing, looking] = [wanted('redeliver'), wanted('state')];
		await new Promise((resolve) => setTimeout(resolve, 10));
		clock.ms += 3000;
		assert.is((await changing)!.answer.code, 'busy');
		assert.is((await looking)!.answer.code, 'ok');
		assert.equal(done, ['state']);
		free();
		await new Promise((resolve) => setTimeout(resolve, 10));
		assert.equal([...rows.keys()], ['state answer/c']);
		assert.is((await wanted('redeliver'))!.answer.code, 'ok');
	},
);

answers('to a signal are of what was done the moment it came, whatever the disk takes', async () => {
	const { answerer, clock, done, stick, free, rows } = world();
	const one = await answerer();
	stick();
	const wanted = one.ask(asked('trigger', by('1', { station: 's' }), { role: 'operator' }));
	assert.equal(done, ['trigger']);
	await new Promise((resolve) => setTimeout(resolve, 10));
	clock.ms += 10_000;
	const { code, text } = (await wanted)!.answer;
	assert.is(code, 'failed');
	assert.match(text, /It is a part, which the journal cannot take down now/);
	const again = await one.ask(asked('trigger', by('1', { station: 's' }), { role: 'operator' }));
	assert.is(again, undefined);
	free();
	await new Promise((resolve) => setTimeout(resolve, 10));
	assert.match(rows.get('1 answer/c')!.answer!, /"failed"/);
	assert.equal(done, ['trigger']);
	const kept = await one.ask(asked('trigger', by('1', { station: 's' }), { role: 'operator' }));
	assert.is(kept!.answer.code, 'failed');
	assert.equal(done, ['trigger']);
});

answers(
	'while the disk is known to take nothing come at once, and fill no memory with what waits',
	async () => {
		const { answerer, done, stick, free, refuse, rows } = world();
		const one = await answerer();
		stick();
		refuse('disk I/O error');
		const wanted = async (name: RequestName, id: string) =>
			(await one.ask(asked(name, by(id, { ...requestExamples[name][0]!.ask }), { role: 'engineer' })))!
				.answer;
		for (let i = 0; i < 20; i += 1) {
			const { code, text } = await wanted('trigger', '1');
			assert.is(code, 'busy');
			assert.match(text, /makes no part: the journal cannot be written to/);
		}
		assert.is((await wanted('redeliver', '2')).code, 'busy');
		assert.is((await wanted('state', '3')).code, 'ok');
		assert.equal(done, ['state']);
		free();
		await new Promise((resolve) => setTimeout(resolve, 10));
		assert.is(rows.size, 0);
		refuse(null);
		assert.is((await wanted('trigger', '1')).code, 'ok');
		assert.equal(done, ['state', 'trigger']);
	},
);

answers('to what is busy are not kept: the same id may be used again', async () => {
	for (const name of ['trigger', 'redeliver'] as const) {
		const { answerer, rows, done } = world();
		let isBusy = true;
		const one = await answerer({
			[name]: async () => {
				if (isBusy) throw new Refusal('busy', 'later');
				done.push(name);
				return { text: 'done', result: {} as never };
			},
		});
		const ask = () =>
			one.ask(asked(name, by('1', { ...requestExamples[name][0]!.ask }), { role: 'operator' }));
		const first = await ask();
		assert.equal([first!.answer.code, first!.isKept], ['busy', false]);
		await new Promise((resolve) => setTimeout(resolve, 10));
		assert.is(rows.size, 0);
		isBusy = false;
		assert.is((await ask())!.answer.code, 'ok');
		assert.equal(done, [name]);
	}
});

answers('to signals are as many as a line gives, and keep nobody from asking', async () => {
	const { answerer, done } = world();
	const one = await answerer();
	for (let i = 0; i < 200; i += 1)
		await one.ask(asked('trigger', by(`${i}`, { station: 's' }), { role: 'operator' }));
	assert.is(done.length, 200);
	assert.is(
		(await one.ask(asked('trigger', by('x', { station: 's' }), { role: 'operator' })))!.answer.code,
		'busy',
	);
	assert.is((await one.ask(asked('state', by('y'), { role: 'operator' })))!.answer.code, 'ok');
});

answers('that many wait for at once are none that Node warns of', async () => {
	let judge = () => {};
	const verdict = new Promise<void>((resolve) => {
		judge = resolve;
	});
	const { answerer } = world();
	const one = await answerer({ trigger: () => verdict.then(() => ({ text: 'done', result: {} as never })) });
	const warnings = await warningsDuring(async () => {
		const open = Array.from({ length: 100 }, (_, i) =>
			one.ask(asked('trigger', by(`${i}`, { station: 's' }), { role: 'operator' })),
		);
		await new Promise((resolve) => setImmediate(resolve));
		judge();
		for (const each of await Promise.all(open)) assert.is(each!.answer.code, 'ok');
	});
	assert.equal(warnings, []);
});

answers('to what another has asked are kept, however much a line asks', async () => {
	const { answerer, clock, done } = world();
	const one = await answerer();
	const edit = asked('config', { id: 'e', client: 'desk', patch: {} }, { role: 'engineer' });
	const first = await one.ask(edit);
	for (let i = 0; i < 1500; i += 1) {
		clock.ms += 20;
		await one.ask(asked('trigger', by(`${i}`, { station: 's' }), { role: 'operator' }));
	}
	assert.equal(await one.ask(edit), { ...first, isKept: false });
	assert.is(done.filter((name) => name === 'config').length, 1);
});

async function throughCrashes(seed: number): Promise<void> {
	const random = randomFrom(seed);
	const rows = new Map<
		string,
		{ claim: Parameters<AnswerStore['claim']>[0]; answer?: string; isSaid: boolean }
	>();
	const done = new Map<string, number>();
	const said = new Map<string, Set<string>>();
	const nameOf = ({ requester, request }: { requester: string; request: string }) =>
		`${request} ${requester}`;
	const turns = async (isDead: () => boolean): Promise<void> => {
		for (let left = random.below(6); left > 0; left -= 1)
			await new Promise((resolve) => setImmediate(resolve));
		if (isDead()) await new Promise(() => {});
	};
	const hear = (answered: Answered | undefined): void => {
		const { id, code, text } = answered?.answer ?? {};
		if (!id || code === 'busy') return;
		said.set(id, (said.get(id) ?? new Set()).add(`${code} ${text}`));
	};
	const ids = Array.from({ length: 8 }, (_, i) => `r${i}`);
	for (let life = 0; life < 12 || said.size < ids.length; life += 1) {
		let isDead = false;
		const step = () => turns(() => isDead);
		const store: AnswerStore = {
			condition: { failure: null },
			kept: async () =>
				[...rows.values()].map(({ claim, answer, isSaid }) => ({
					...claim,
					isAnswered: answer !== undefined,
					isSaid,
				})),
			claim: async (claim) => {
				await step();
				if (!rows.has(nameOf(claim))) rows.set(nameOf(claim), { claim, isSaid: false });
				await step();
			},
			release: () => {},
			answer: async (key, answer) => {
				await step();
				const row = rows.get(nameOf(key));
				if (row) row.answer ??= answer;
				await step();
			},
			answerTo: async (key) => {
				await step();
				return rows.get(nameOf(key))?.answer ?? null;
			},
		};
		const redeliver: Handlers['redeliver'] = async ({ letters: [which = 0] = [] }) => {
			await step();
			const id = `r${which}`;
			done.set(id, (done.get(id) ?? 0) + 1);
			await step();
			return { text: `by life ${life}`, result: { letters: 1 } };
		};
		const living = (async () => {
			const one = await createAnswerer({
				store,
				handlers: { redeliver } as unknown as Handlers,
				checkSignature: async () => {},
				onDenied: () => {},
				pace: { now: () => life * 1e6, pause: () => new Promise(() => {}) },
				wallClock: () => life,
				log: () => {},
				openly: (text) => text,
			});
			for (const owed of one.owed) hear(owed);
			const asks = ids.map(async (id, i) => {
				await step();
				hear(await one.ask(asked('redeliver', by(id, { letters: [i] }), { role: 'operator' })));
			});
			await Promise.all(asks);
		})();
		const death = random.below(60);
		for (let turn = 0; turn < death; turn += 1) await new Promise((resolve) => setImmediate(resolve));
		isDead = life < 11;
		if (!isDead) await living;
	}
	for (const id of ids) {
		assert.ok((done.get(id) ?? 0) <= 1, `seed ${seed}: ${id} was done ${done.get(id)} times`);
		assert.is(said.get(id)!.size, 1, `seed ${seed}: ${id} was answered ${[...said.get(id)!].join(' and ')}`);
		const [answer = ''] = said.get(id)!;
		if (answer.startsWith('ok')) assert.is(done.get(id), 1);
	}
}

answers('are one for each id, of what was done once at most, wherever the box dies', async () => {
	for (let seed = 1; seed <= 150; seed += 1) await throughCrashes(seed);
});

answers('tell on the way how far it is', async () => {
	const { answerer } = world();
	const told: Progress[] = [];
	const one = await answerer({
		state: async (_, { progress }) => {
			progress(1, 2, 'half, geheim');
			return { text: '', result: { box: 'b', version: '0', connected: true, stations: [], alarms: [] } };
		},
	});
	const answered = await one.ask(asked('state', by('1'), { onProgress: (progress) => told.push(progress) }));
	assert.equal((answered!.answer satisfies Answer).code, 'ok');
	assert.equal(
		told.map(({ id, done, of, text }) => [id, done, of, text]),
		[['1', 1, 2, 'half, ***']],
	);
});

answers.run();
