import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import { join } from 'node:path';
import type { Context } from '../base/context.js';
import { Failure } from '../base/failure.js';
import { nearest } from '../base/words.js';
import { brokerAddressFault } from '../config/address.js';
import { topicRootFault } from '../config/topic-root.js';
import { readText } from '../disk/text.js';
import { askRemotely } from '../mqtt/ask.js';
import {
	type Answer,
	answerSchema,
	type Progress,
	progressSchema,
	REQUESTS,
	type RequestName,
	readRequest,
	requestNames,
	roles,
} from '../protocol/requests.js';
import { parseTopic, topicOf } from '../protocol/topics.js';
import { askLocally } from '../socket/ask.js';
import { SOCKET } from '../socket/place.js';
import { type Arguments, type Command, choiceOption, numberOption, textOption } from './terminal/command.js';
import { journalFolder } from './terminal/journal.js';

export const askCommand: Command = {
	name: 'ask',
	summary: `Asks a daemon that runs: here, without a broker, or over one from any machine. NAME is one of ${requestNames.join(', ')} (docs/control.md); what it asks stands in one JSON object, or as key=value.`,
	positionals: ['NAME', '[JSON|key=value…]'],
	options: {
		config: { value: 'FILE', summary: 'the configuration of the daemon here' },
		state: { value: 'DIR', summary: 'the folder of the journal of the daemon here' },
		broker: { value: 'URL', summary: 'ask over this broker, as mqtts://user:password@host' },
		box: { value: 'NAME', summary: 'which box, over a broker' },
		root: { value: 'TOPIC', summary: 'the first levels of its topics', fallback: 'inspectord' },
		as: { value: 'ROLE', summary: `${roles.join(', ')}: in which role, over a broker`, fallback: 'viewer' },
		ca: { value: 'FILE', summary: "the authority of the broker's certificate (PEM)" },
		cert: { value: 'FILE', summary: 'our own certificate (PEM)' },
		key: { value: 'FILE', summary: 'its private key (PEM)' },
		id: { value: 'ID', summary: 'of the request: the same again gets the kept answer' },
		timeout: { value: 'S', summary: 'wait so long for the answer, in seconds', fallback: '150' },
		json: { summary: 'print the whole answer as one line of JSON' },
	},
	run: async (args, context) => {
		const [name = '', ...words] = args.positionals;
		const id = textOption(args, 'id') ?? `${randomBytes(6).toString('hex')}`;
		const payload = { ...askedIn(name, words), id };
		refuseUnreadable(name, payload);
		const timeoutS = numberOption(args, 'timeout', { lowest: 1, highest: 86_400 });
		const answered = new AbortController();
		const over = AbortSignal.any([context.signal, answered.signal, AbortSignal.timeout(timeoutS * 1000)]);
		let answer: Answer | undefined;
		const hear = (text: string): void => {
			const said = readSaid(text);
			if (!said || said.id !== id) return;
			if ('code' in said) {
				answer = said;
				answered.abort();
			} else context.note(`${said.done}/${said.of}  ${said.text}`);
		};
		await ask(name as RequestName, payload, hear, over, args, context);
		context.signal.throwIfAborted();
		if (!answer)
			throw new Failure(
				'request-refused',
				`There is no answer to "${name}"${over.aborted ? ` within ${timeoutS} s` : ''}`,
				`It may have been done: ask again with --id ${id}, and the kept answer comes.`,
			);
		tell(answer, args, context);
	},
};

/** Sends it on its way, and hands on whatever comes back. */
async function ask(
	name: RequestName,
	payload: object,
	hear: (text: string) => void,
	over: AbortSignal,
	args: Arguments,
	context: Context,
): Promise<void> {
	const url = textOption(args, 'broker');
	if (url === undefined) {
		const folder = await journalFolder(args, context.env).catch((thrown) => {
			if (!(thrown instanceof Failure) || thrown.code !== 'usage') throw thrown;
			throw new Failure(
				'usage',
				'It is not said which daemon',
				'Give its configuration with --config FILE, the folder of its journal with --state DIR, or --broker URL and --box NAME.',
			);
		});
		return askLocally(join(folder, SOCKET), name, JSON.stringify(payload), hear, over);
	}
	const box = textOption(args, 'box');
	if (box === undefined)
		throw new Failure('usage', 'It is not said which box', 'Give its name with --box NAME.');
	const fault = brokerAddressFault(url);
	if (fault !== undefined) throw new Failure('usage', `Cannot use the address of the broker: it ${fault}`);
	const root = textOption(args, 'root')!;
	refuseLevels(root, box);
	const role = choiceOption(args, 'as', roles)!;
	const client = `${hostname()
		.replace(/[^A-Za-z0-9_-]/g, '-')
		.replace(/^[^A-Za-z0-9]+/, '')
		.slice(0, 40)}-${randomBytes(4).toString('hex')}`;
	await askRemotely(
		{
			url,
			credentials: await credentialsIn(args),
			requestTopic: topicOf('request', { root, box, role, name }),
			answerTopic: topicOf('answer', { root, box, client }),
			progressTopic: topicOf('progress', { root, box, client }),
			payload: Buffer.from(JSON.stringify({ ...payload, client })),
			onHeard: ({ topic, payload: bytes }) => {
				if (parseTopic(root, topic)) hear(Buffer.from(bytes).toString());
			},
		},
		over,
	);
}

/** @throws Failure usage for a root or a box that no topic can have */
function refuseLevels(root: string, box: string): void {
	const fault = topicRootFault(root);
	if (fault !== undefined) throw new Failure('usage', `Cannot use --root "${root}": it ${fault}`);
	if (!/^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$/.test(box))
		throw new Failure(
			'usage',
			`There is no box "${box}"`,
			'It is the name in its configuration (box: NAME).',
		);
}

async function credentialsIn(args: Arguments): Promise<{ tls?: Tls }> {
	const named = ['ca', 'cert', 'key'].flatMap((key) => {
		const file = textOption(args, key);
		return file === undefined ? [] : [[key, file] as const];
	});
	if (named.length === 0) return {};
	const read = await Promise.all(
		named.map(async ([key, file]) => [key, await readText(file, 'certificate or key')] as const),
	);
	return { tls: { verify: true, ...Object.fromEntries(read) } };
}

type Tls = { readonly verify: boolean; readonly ca?: string; readonly cert?: string; readonly key?: string };

/** What is asked: one JSON object, or pairs whose values are texts where a text is wanted, and else JSON. @throws Failure usage */
function askedIn(name: string, words: readonly string[]): object {
	const [first = ''] = words;
	if (first.trimStart().startsWith('{')) {
		if (words.length > 1)
			throw new Failure(
				'usage',
				'Beside an object of JSON nothing else can be asked',
				'Quote it as one word.',
			);
		const read = jsonOf(first);
		if (read !== undefined) return read as object;
		throw new Failure('usage', 'What is asked is no JSON', 'Quote it for the shell, or write key=value.');
	}
	return Object.fromEntries(
		words.map((word) => {
			const at = word.indexOf('=');
			if (at <= 0)
				throw new Failure('usage', `Cannot understand "${word}"`, 'Write key=value, or one object of JSON.');
			const text = word.slice(at + 1);
			const key = word.slice(0, at);
			const { shape } = Object.hasOwn(REQUESTS, name) ? REQUESTS[name as RequestName].ask : { shape: {} };
			const wanted = (shape as Record<string, { safeParse(value: unknown): { success: boolean } }>)[key];
			return [key, wanted?.safeParse(text).success ? text : (jsonOf(text) ?? text)];
		}),
	);
}

function jsonOf(text: string): unknown {
	try {
		return JSON.parse(text);
	} catch {
		return undefined;
	}
}

/** Says here already what the box would say. @throws Failure usage */
function refuseUnreadable(name: string, payload: object): void {
	if (!Object.hasOwn(REQUESTS, name)) {
		const meant = nearest(name, requestNames);
		const advice = meant ? `Did you mean "${meant}"?` : `There are ${requestNames.join(', ')}.`;
		throw new Failure('usage', `There is no request "${name}"`, advice);
	}
	const read = readRequest(name, Buffer.from(JSON.stringify(payload)));
	if ('refused' in read) throw new Failure('usage', `Cannot ask "${name}":\n${faultLines(read.refused)}`);
}

function faultLines({ faults }: Pick<Answer, 'faults'>): string {
	return faults.map(({ path, message }) => `${path === '' ? '' : `${path}: `}${message}`).join('\n');
}

function readSaid(text: string): Answer | Progress | undefined {
	const read = jsonOf(text);
	const answer = answerSchema.safeParse(read);
	if (answer.success) return answer.data;
	const progress = progressSchema.safeParse(read);
	return progress.success ? progress.data : undefined;
}

/** The result on standard output; what is no result ends the command. @throws Failure */
function tell(answer: Answer, args: Arguments, context: Context): void {
	const { code, text, faults, request, result } = answer;
	if (args.options.json) context.print(answer);
	else if (code === 'ok') context.print(JSON.stringify(result, null, 2));
	if (code === 'ok') {
		context.note(text);
		return;
	}
	const lines = faults.length > 0 ? `\n${faultLines({ faults })}` : '';
	const usage = code === 'invalid' || code === 'unknown';
	throw new Failure(
		usage ? 'usage' : 'request-refused',
		`"${request}" was answered ${code}: ${text}${lines}`,
	);
}
