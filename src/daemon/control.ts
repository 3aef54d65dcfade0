import { join } from 'node:path';
import { Failure, reasonOf } from '../base/failure.js';
import type { Log } from '../base/log.js';
import { masked } from '../base/secrets.js';
import type { Service } from '../base/service.js';
import { type Answered, createAnswerer } from '../control/answer.js';
import { type SignedSettings, signatureCheck } from '../control/signatures.js';
import { createAnswers } from '../mqtt/answers.js';
import { hasRights, type Role, roles } from '../protocol/roles.js';
import { encodePayload, parseTopic, reservedLevels, topicOf } from '../protocol/topics.js';
import { SOCKET } from '../socket/place.js';
import type { Requests } from './broker.js';
import type { Edges } from './edges.js';
import { LOCAL } from './snapshots.js';
import { createAuditor } from './trail.js';
import { type ControlWorld, handlersOf } from './world.js';

export type ControlSettings = {
	readonly box: string;
	readonly folder: string;
	readonly signed: SignedSettings;
};

/** Answers requests, from the box's own socket and from the broker. */
export type ControlService = Service &
	Requests & {
		/** Others may sign from now on. */
		readonly retell: (signed: SignedSettings) => void;
	};

export type ControlServiceWorld = ControlWorld & {
	readonly log: Log;
	readonly edges: Edges;
	/** There is something to say. */
	readonly wake: () => void;
};

/** Takes up what the last daemon owed, and listens. */
export async function startControl(
	{ box, folder, signed }: ControlSettings,
	world: ControlServiceWorld,
): Promise<ControlService> {
	const { log, secrets, wake, edges } = world;
	const { pace, wallClock } = edges;
	const { journal, record, clock } = world.records;
	const checkBy = (settings: SignedSettings) =>
		signatureCheck(settings, {
			box,
			wallClock,
			isSynchronised: () => clock().synchronised,
			use: journal.use,
		});
	let check = checkBy(signed);
	const auditor = createAuditor({
		journal,
		secrets,
		now: pace.now,
		wallClock,
		log,
	});
	const answers = createAnswers();
	const answerer = await createAnswerer({
		store: journal,
		handlers: handlersOf(world),
		checkSignature: (request) => check(request),
		onDenied: auditor.denied,
		pace,
		wallClock,
		log,
		openly: (text) => masked(text, secrets),
	});
	const keyOf = ({ place, answer }: Answered) => ({ requester: place, request: answer.id ?? '' });
	const say = (answered: Answered): void => {
		const { place, correlation, answer, isKept } = answered;
		const over = () => {
			if (isKept) journal.said(keyOf(answered));
		};
		if (place === LOCAL) {
			over();
			return;
		}
		answers.put(
			{
				topic: place,
				payload: encodePayload('answer', answer),
				kind: 'answer',
				properties: {
					contentType: 'application/json',
					...(correlation !== null && { correlation: Buffer.from(correlation, 'hex') }),
				},
			},
			over,
		);
		wake();
	};
	for (const owed of answerer.owed) say(owed);
	const edits = world.edits();
	if (edits) auditor.found(edits.editor.current().rev);
	edits?.tellThrough({ retain: record.retain, audit: auditor.edited });

	const heard: ControlService['heard'] = (
		{ topic, payload, retain, responseTopic, correlation },
		root,
		most,
	) => {
		const { role = '', name = '' } = parseTopic(root, topic)?.parameters ?? {};
		if (!isRole(role) || !hasRights(most, role)) {
			log('debug', 'control', `nothing is believed on "${topic.slice(0, 200)}"`, 'request.ignored');
			return;
		}
		const placeFor = (client: string | undefined): string | undefined => {
			if (responseTopic !== undefined)
				return isAnswerTopic(root, box, responseTopic) ? responseTopic : undefined;
			return client === undefined || reservedLevels.has(client)
				? undefined
				: topicOf('answer', { root, box, client });
		};
		const asked = {
			name,
			role,
			bytes: payload,
			isRetained: retain,
			placeFor,
			correlation:
				correlation === undefined || correlation.length > MOST_CORRELATION
					? null
					: Buffer.from(correlation).toString('hex'),
			onProgress: (progress: Parameters<typeof encodePayload<'progress'>>[1], place: string) => {
				const told = encodePayload('progress', progress);
				answers.put({ topic: `${place}/progress`, payload: told, kind: 'answer' }, () => {});
				wake();
			},
		};
		answerer.ask(asked).then(
			(answered) => answered && say(answered),
			(thrown) => log('error', 'control', `cannot answer: ${reasonOf(thrown)}`, 'request.failed'),
		);
	};

	const local = await edges
		.listen(join(folder, SOCKET), {
			onRequest: async (name, bytes, onProgress) => {
				const answered = await answerer.ask({
					name,
					role: 'engineer',
					bytes,
					isRetained: false,
					placeFor: () => LOCAL,
					correlation: null,
					onProgress: (progress) => onProgress(JSON.stringify(progress)),
				});
				if (!answered) return undefined;
				say(answered);
				return JSON.stringify(answered.answer);
			},
			log,
		})
		.catch((thrown) => {
			if (!(thrown instanceof Failure)) throw thrown;
			// Not every disk can hold a socket, and that is no reason not to inspect.
			log(
				'warning',
				'control',
				`${thrown.message}; the box can be asked over the broker alone`,
				'socket.failed',
			);
			return undefined;
		});
	return {
		name: 'control',
		answers,
		heard,
		retell: (settings) => {
			check = checkBy(settings);
		},
		[Symbol.asyncDispose]: async () => {
			world.edits()?.tellThrough(undefined);
			// Who waits here still hears that it was interrupted.
			await answerer[Symbol.asyncDispose]();
			await local?.[Symbol.asyncDispose]();
		},
	};
}

/** Of correlation data, in bytes; a longer one is passed over. */
const MOST_CORRELATION = 64;

function isRole(text: string): text is Role {
	return roles.some((role) => role === text);
}

/** Answers go nowhere else: a request must not make the box speak on topics of others. */
function isAnswerTopic(root: string, box: string, topic: string): boolean {
	const found = parseTopic(root, topic);
	if (found?.name !== 'answer' || found.parameters.box !== box) return false;
	const { client = '' } = found.parameters;
	return /^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$/.test(client) && !reservedLevels.has(client);
}
