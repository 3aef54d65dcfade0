import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import { join } from 'node:path';
import type { Context } from '../base/context.js';
import { Failure } from '../base/failure.js';
import { timeLimit } from '../base/retry.js';
import { brokerAddressFault } from '../config/address.js';
import { topicRootFault } from '../config/topic-root.js';
import { loadConfig } from '../daemon/settings.js';
import { readText } from '../disk/text.js';
import { askRemotely } from '../mqtt/ask.js';
import { type Answer, answerSchema, type Progress, progressSchema } from '../protocol/answer.js';
import { type Lesson, lessonSchema } from '../protocol/lesson.js';
import { REQUESTS, type RequestName } from '../protocol/requests.js';
import { roles } from '../protocol/roles.js';
import { parseTopic, topicOf } from '../protocol/topics.js';
import { askLocally } from '../socket/ask.js';
import { SOCKET } from '../socket/place.js';
import {
	askedIn,
	faultLines,
	isRequest,
	jsonOf,
	refuseUnreadable,
	requestHelp,
	requestsHelp,
} from './terminal/asked.js';
import { type Arguments, type Command, choiceOption, numberOption, textOption } from './terminal/command.js';
import { journalFolder } from './terminal/journal.js';
import { signedRequest } from './terminal/signing.js';

export const askCommand: Command = {
	name: 'ask',
	summary: `Asks a daemon that runs: here, without a broker, or over one from any machine. Without NAME it lists what can be asked; with NAME, --help tells more (docs/control.md). What is asked stands in one JSON object, or as key=value.`,
	positionals: ['[NAME JSON|key=value…]'],
	helpOf: ([name = '']) => (isRequest(name) ? requestHelp(name) : undefined),
	options: {
		config: { value: 'FILE', summary: 'the configuration of the daemon here' },
		state: { value: 'DIR', summary: 'the folder of the journal of the daemon here' },
		broker: { value: 'URL', summary: 'ask over this broker, as mqtts://user:password@host' },
		box: { value: 'NAME', summary: 'which box, over a broker' },
		root: { value: 'TOPIC', summary: 'the first levels of its topics', fallback: 'inspectord' },
		as: { value: 'ROLE', summary: `${roles.join(', ')}: in which role, over a broker`, fallback: 'viewer' },
		user: { value: 'NAME', summary: 'by which the broker knows you' },
		'password-file': { value: 'FILE', summary: 'a file whose first line is the password' },
		ca: { value: 'FILE', summary: "the authority of the broker's certificate (PEM)" },
		cert: { value: 'FILE', summary: 'our own certificate (PEM)' },
		key: { value: 'FILE', summary: 'its private key (PEM)' },
		sign: { value: 'FILE', summary: 'sign it with this private key (inspectord key)' },
		signer: { value: 'NAME', summary: 'its name on the box; by default that of the file' },
		id: { value: 'ID', summary: 'of the request: the same again gets the kept answer' },
		timeout: {
			value: 'S',
			summary: 'wait so long for the answer, in seconds; by default as long as the request may take',
		},
		detach: { summary: 'do not wait for the end of a lesson that is begun' },
		json: { summary: 'print the whole answer as one line of JSON' },
	},
	run: async (args, context) => {
		const [name, ...words] = args.positionals;
		if (name === undefined) return context.print(requestsHelp());
		const id = textOption(args, 'id') ?? freshId();
		const asked: Asked = { ...askedIn(name, words), id };
		refuseUnreadable(name, asked);
		const keyFile = textOption(args, 'sign');
		const payload =
			keyFile === undefined
				? asked
				: await signedRequest(await boxIn(args, context), name, asked, keyFile, args);
		const request = name as RequestName;
		let answer = await answerTo(request, payload, args, context);
		if (!isFollowed(request, payload) || args.options.detach === true) return tell(answer, args, context);
		while (answer.code === 'ok' && isUnderWay(answer))
			answer = await answerTo(request, { action: 'follow', id: freshId() }, args, context);
		tell(answer, args, context);
		const { state, error } = lessonIn(answer) ?? {};
		if (state === 'failed') throw new Failure('teaching-failed', `The lesson failed: ${error?.message}`);
	},
};

export type Asked = { readonly id: string; readonly action?: unknown };

export function freshId(): string {
	return randomBytes(6).toString('hex');
}

/** An answer takes its way, too. */
const BEYOND_S = 30;

/** Asks, and tells how far it is. @throws Failure request-refused when no answer comes in time */
export async function answerTo(
	name: RequestName,
	payload: Asked,
	args: Arguments,
	context: Context,
): Promise<Answer> {
	const { id } = payload;
	const timeoutS =
		textOption(args, 'timeout') === undefined
			? REQUESTS[name].limitMs / 1000 + BEYOND_S
			: numberOption(args, 'timeout', { lowest: 1, highest: 86_400 });
	const answered = new AbortController();
	using limit = timeLimit(timeoutS * 1000, context.signal, answered.signal);
	const over = limit.signal;
	let answer: Answer | undefined;
	const hear = (text: string): void => {
		const said = readSaid(text);
		if (!said || said.id !== id) return;
		if ('code' in said) {
			answer = said;
			answered.abort();
		} else context.note(`${said.done}${said.of > 0 ? `/${said.of}` : '.'}  ${said.text}`);
	};
	await ask(name, payload, hear, over, args, context);
	context.signal.throwIfAborted();
	if (answer) return answer;
	throw new Failure(
		'request-refused',
		`There is no answer to "${name}"${over.aborted ? ` within ${timeoutS} s` : ''}`,
		`It may have been done: ask again with --id ${id}, and the kept answer comes.`,
	);
}

/** A lesson takes longer than a request may: who begins one hears how it goes until it ends. */
function isFollowed(name: RequestName, { action }: Asked): boolean {
	return name === 'teach' && (action === 'begin' || action === 'resume' || action === 'follow');
}

function lessonIn({ result }: Answer): Lesson | undefined {
	const read = lessonSchema.safeParse(result?.lesson);
	return read.success ? read.data : undefined;
}

function isUnderWay(answer: Answer): boolean {
	const state = lessonIn(answer)?.state;
	return state === 'collecting' || state === 'teaching';
}

/** The box that is meant: a signature is for one. @throws Failure usage */
async function boxIn(args: Arguments, { env }: Context): Promise<string> {
	const [box, config] = [textOption(args, 'box'), textOption(args, 'config')];
	if (box !== undefined) return box;
	if (config !== undefined) return (await loadConfig(config, env)).box;
	throw new Failure(
		'usage',
		'It is not said which box',
		'A signature is for one: give its name with --box NAME.',
	);
}

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

async function credentialsIn(args: Arguments): Promise<{ username?: string; password?: string; tls?: Tls }> {
	const [username, file] = [textOption(args, 'user'), textOption(args, 'password-file')];
	if (username === undefined && file !== undefined)
		throw new Failure('usage', 'A password is of nobody without --user NAME');
	const password =
		file === undefined ? undefined : (await readText(file, 'password file')).split(/\r?\n/)[0]!;
	return {
		...(username !== undefined && { username }),
		...(password !== undefined && { password }),
		...(await tlsIn(args)),
	};
}

async function tlsIn(args: Arguments): Promise<{ tls?: Tls }> {
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

function readSaid(text: string): Answer | Progress | undefined {
	const read = jsonOf(text);
	const answer = answerSchema.safeParse(read);
	if (answer.success) return answer.data;
	const progress = progressSchema.safeParse(read);
	return progress.success ? progress.data : undefined;
}

/** The result on standard output; what is no result ends the command. @throws Failure */
function tell(answer: Answer, args: Arguments, context: Context): void {
	const { code, text, result } = answer;
	if (args.options.json) context.print(answer);
	else if (code === 'ok') context.print(JSON.stringify(result, null, 2));
	assertOk(answer);
	context.note(text);
}

/** @throws Failure for every other answer */
export function assertOk({ code, text, faults, request }: Answer): void {
	if (code === 'ok') return;
	const lines = faults.length > 0 ? `\n${faultLines({ faults })}` : '';
	const usage = code === 'invalid' || code === 'unknown';
	throw new Failure(
		usage ? 'usage' : 'request-refused',
		`"${request}" was answered ${code}: ${text}${lines}`,
	);
}
