import type { Outgoing } from '../../src/mqtt/outlet.js';

export type Bounds = { readonly messages: number; readonly bytes: number };

type Entry = Outgoing & { sending: boolean; held: boolean };

/**
 * Messages in order until the broker has acknowledged them. When it is full, the oldest heatmaps go first, then the oldest
 * verdicts; what goes is counted. Kept in memory: what it holds is lost with the process.
 */
export class Outbox {
	readonly #bounds: Bounds;
	#entries: Entry[] = [];
	#bytes = 0;
	#heatmaps = 0;
	readonly #dropped = { verdicts: 0, heatmaps: 0 };

	constructor(bounds: Bounds) {
		this.#bounds = bounds;
	}

	get length(): number {
		return this.#entries.length;
	}

	get settled(): boolean {
		return this.#entries.length === 0;
	}

	get dropped(): { readonly verdicts: number; readonly heatmaps: number } {
		return { ...this.#dropped };
	}

	put(message: Outgoing): void {
		this.#entries.push({ ...message, sending: false, held: true });
		this.#bytes += message.payload.length;
		if (message.kind === 'heatmap') this.#heatmaps += 1;
		while (this.#entries.length > this.#bounds.messages || this.#bytes > this.#bounds.bytes) this.#makeRoom();
	}

	/** The oldest message that is not on its way yet and not skipped, now on its way. */
	next(skip: (message: Outgoing) => boolean = () => false): Outgoing | undefined {
		const entry = this.#entries.find((candidate) => !candidate.sending && !skip(candidate));
		if (entry) entry.sending = true;
		return entry;
	}

	/** Whether it still waits or is on its way. */
	holds(message: Outgoing): boolean {
		return (message as Entry).held;
	}

	/** The broker has it. */
	acknowledge(message: Outgoing): void {
		this.#remove(message);
	}

	/** The broker will not have it: not to be tried again. */
	refuse(message: Outgoing): void {
		if (this.#remove(message)) this.#count(message);
	}

	/** The broker will not have it now: it goes again, in its old place. */
	postpone(message: Outgoing): void {
		(message as Entry).sending = false;
	}

	/** The connection is gone: what was on its way must go again, in its old order. */
	recall(): void {
		for (const entry of this.#entries) entry.sending = false;
	}

	#makeRoom(): void {
		const heatmap = this.#heatmaps > 0 && this.#entries.find(({ kind }) => kind === 'heatmap');
		const victim = heatmap || this.#entries[0];
		if (victim && this.#remove(victim)) this.#count(victim);
	}

	#remove(message: Outgoing): boolean {
		const index = this.#entries.indexOf(message as Entry);
		if (index < 0) return false;
		this.#entries.splice(index, 1);
		(message as Entry).held = false;
		this.#bytes -= message.payload.length;
		if (message.kind === 'heatmap') this.#heatmaps -= 1;
		return true;
	}

	#count({ kind }: Outgoing): void {
		this.#dropped[kind === 'heatmap' ? 'heatmaps' : 'verdicts'] += 1;
	}
}
