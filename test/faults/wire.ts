import { Failure } from '../../src/base/failure.js';
import type { watchLine } from '../../src/gpio/monitor.js';
import type { Being } from './time.js';

/** What is wrong with the line that signals parts. */
export type WireFault = 'line gone' | 'line bounces';

const BEGIN_MS = 30;
const WAY_MS = 1;
/** Edges of a contact that bounces come so soon after the first. */
const BOUNCE_MS = 10;
/** A signal that comes so soon after another belongs to that one. */
export const DEBOUNCE_MS = 20;

/** A line whose edges are signals; who watches it dies with his daemon. */
export function createWire(nature: Being) {
	const faults = new Set<WireFault>();
	let watcher: { readonly being: Being; readonly onEdge: () => void; fail(): void } | undefined;
	const gone = () => new Failure('gpio-unavailable', 'Cannot watch line 5 of "gpiochip0": it is gone');
	const watch = (
		being: Being,
		{ onWatching, onEdge }: Parameters<typeof watchLine>[2],
		signal: AbortSignal,
	): Promise<void> =>
		new Promise((resolve, reject) => {
			being.later(BEGIN_MS, () => {
				if (signal.aborted) return resolve();
				if (faults.has('line gone')) return reject(gone());
				const over = () => {
					if (watcher === mine) watcher = undefined;
					signal.removeEventListener('abort', end);
				};
				const end = () => {
					over();
					resolve();
				};
				const mine = {
					being,
					onEdge,
					fail: () => {
						over();
						reject(gone());
					},
				};
				watcher = mine;
				signal.addEventListener('abort', end);
				onWatching();
			});
		});
	const pulse = (heard: () => void): void => {
		const to = watcher;
		to?.being.later(WAY_MS, () => {
			if (watcher !== to) return;
			heard();
			to.onEdge();
		});
	};
	return {
		watch,
		/** Whether somebody would hear a signal now. */
		get isHeard(): boolean {
			return watcher?.being.alive ?? false;
		},
		/** `heard` is called before a daemon hears it, as often as it does. */
		signal: (heard: () => void): void => {
			pulse(heard);
			if (!faults.has('line bounces')) return;
			for (let edges = Math.floor(nature.chance() * 4); edges > 0; edges -= 1)
				nature.later(nature.chance() * BOUNCE_MS, () => pulse(heard));
		},
		begin: (fault: WireFault): void => {
			faults.add(fault);
			if (fault === 'line gone') watcher?.fail();
		},
		end: (fault: WireFault): void => void faults.delete(fault),
	};
}

export type Wire = ReturnType<typeof createWire>;
