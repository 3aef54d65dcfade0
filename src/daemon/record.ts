import { randomBytes } from 'node:crypto';
import { masked } from '../base/secrets.js';
import type { BrokerLink } from '../mqtt/link.js';
import { Outbox } from '../mqtt/outbox.js';
import type { StationState } from '../protocol/states.js';
import { encodePayload, topicOf } from '../protocol/topics.js';
import {
	type Origin,
	type Part,
	type StationVerdict,
	unknownClock,
	type VerdictMessage,
} from '../protocol/verdict.js';
import { verdictEntry, verdictMessage } from '../protocol/verdict-message.js';

/** What waits for an absent broker at most. */
const OUTBOX = { messages: 20_000, bytes: 128e6 } as const;

/** The only door for what happens: here it is numbered, rid of secrets, and put where it is said from. */
export type Recorder = {
	/** `pictures` are JPEGs in the order of the verdict's `heatmaps`. @returns the verdict as it is said */
	verdict(verdict: StationVerdict, pictures: readonly Uint8Array[]): VerdictMessage;
	/** A part is due: its verdict follows. */
	part(origin: Origin, part: Part): void;
	/** A picture of the part whose verdict was told last. */
	kept(jpeg: Uint8Array): void;
	/** @returns the state as it is said */
	state(state: StationState): StationState;
	/** What waits to be said. */
	readonly waiting: Outbox;
	/** From now on `link` says it, below `root`: what waits, and what every station does. Undefined: nobody does for a while. */
	speakThrough(link: BrokerLink | undefined, root: string): void;
};

/** @param secrets what nobody may read in it; the list may grow */
export function createRecorder(secrets: readonly string[]): Recorder {
	const series = randomBytes(4).toString('hex');
	const waiting = new Outbox(OUTBOX);
	const states = new Map<string, StationState>();
	const sequences = new Map<string, number>();
	let events = 0;
	let voice: { readonly link: BrokerLink | undefined; readonly root: string } = { link: undefined, root: '' };
	/** A library's words may hold what is secret here without looking like an address. */
	const openly = <T extends Pick<StationState, 'error'>>(said: T): T => ({
		...said,
		error: said.error && { ...said.error, message: masked(said.error.message, secrets) },
	});
	const retain = (state: StationState): void => {
		const { box, station } = state;
		const topic = topicOf('stationState', { root: voice.root, box, station });
		voice.link?.retain(topic, encodePayload('stationState', state));
	};
	return {
		waiting,
		verdict: (verdict, pictures) => {
			const { box, station } = verdict.origin;
			const { root } = voice;
			const atMs = Date.now();
			const sequence = (sequences.get(station) ?? 0) + 1;
			sequences.set(station, sequence);
			events += 1;
			const entry = verdictEntry(openly(verdict), unknownClock);
			const event = { ...entry, id: events, sequence, recordedMs: atMs };
			const message = verdictMessage(event, { series, root, publishedMs: atMs, late: false });
			const topic = topicOf('verdict', { root, box, station });
			waiting.put({ topic, payload: encodePayload('verdict', message), kind: 'verdict' });
			message.heatmaps.forEach(({ topic: to }, i) => {
				waiting.put({ topic: to, payload: pictures[i]!, kind: 'heatmap' });
			});
			voice.link?.wake();
			return message;
		},
		// Nothing is kept beyond the process yet.
		part: () => {},
		kept: () => {},
		state: (state) => {
			const said = openly(state);
			states.set(said.station, said);
			retain(said);
			return said;
		},
		speakThrough: (link, root) => {
			voice = { link, root };
			for (const state of states.values()) retain(state);
			link?.wake();
		},
	};
}
