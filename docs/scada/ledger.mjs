// What a subscriber keeps of the boxes that it hears, and what it makes of each message: no clock, no network, no file.
// watch.mjs imports it; the flow for Node-RED holds the same text.

/** Nobody waits longer for a picture or a verdict to match. */
const PICTURES_MS = 3_600_000;

/** Pictures without their verdict, verdicts without a picture, holes of a station, ids from before we listened: each at most. */
const MOST = 1000;

const HEARS = new Map([
	['verdict', verdictHeard],
	['gap', gapHeard],
	['state', stateHeard],
	['health', healthHeard],
	['alarm', alarmHeard],
]);

/** What the box retains: what else the broker kept is somebody's, or of another time. */
const RETAINED = [stateHeard, healthHeard, alarmHeard];

/** A box of which we know nothing is there. */
const UNHEARD = { state: 'online', sinceMs: 0, waiting: 0 };

/**
 * Plain values: `saved` as JSON, it goes on after a restart, where what was said meanwhile is still to come. A number that is
 * missing is called so `patienceMs` after the last sign that it may still come.
 */
export function openLedger(saved, nowMs, patienceMs = 60_000) {
	return { boxes: {}, stations: {}, alarms: {}, awaited: {}, early: {}, ...saved, sinceMs: nowMs, patienceMs };
}

/**
 * Enters a message. `payload` is a Buffer, `sha256` turns one into hexadecimal, `nowMs` is a clock that goes on over restarts.
 * @returns what there is to say, as a list of objects with a `kind`
 */
export function heard(ledger, { topic, payload, retain }, sha256, nowMs) {
	const levels = topic.split('/');
	const hear = HEARS.get(levels[levels.length - 1]);
	if (retain && !RETAINED.includes(hear)) return [{ kind: 'unread', topic }];
	const [box, station] = levels.slice(-3);
	if (payload.length === 0) return hear === alarmHeard ? alarmHeard(ledger, { box, station, active: 0, unacknowledged: 0 }) : [];
	if (levels[levels.length - 3] === 'heatmap') return pictureHeard(ledger, topic, sha256(payload), nowMs);
	if (!hear) return [{ kind: 'unread', topic }];
	try {
		const message = JSON.parse(payload.toString());
		if (message.schema === 1) return hear(ledger, message, nowMs);
	} catch {}
	return [{ kind: 'unread', topic }];
}

/** To be asked every few seconds. @returns which numbers are missing for good, and which pictures did not come */
export function overdue(ledger, nowMs) {
	const said = [];
	for (const station of Object.values(ledger.stations)) {
		const box = ledger.boxes[`${station.box}/`] || UNHEARD;
		// A box that is gone, or has a backlog, may still say it.
		if (box.state === 'offline' || box.waiting > 0) continue;
		for (const hole of station.holes) {
			if (hole.why || nowMs - Math.max(hole.sinceMs, box.sinceMs, ledger.sinceMs) < ledger.patienceMs) continue;
			hole.why = 'missing';
			said.push({ kind: 'missing', ...placeOf(station), from: hole.from, to: hole.to });
		}
	}
	for (const [topic, { id, sinceMs }] of Object.entries(ledger.awaited)) {
		if (nowMs - sinceMs < PICTURES_MS) continue;
		delete ledger.awaited[topic];
		said.push({ kind: 'picture', id, topic, is: 'missing' });
	}
	for (const [topic, { sinceMs }] of Object.entries(ledger.early))
		if (nowMs - sinceMs >= PICTURES_MS) delete ledger.early[topic];
	return said;
}

function verdictHeard(ledger, message, nowMs) {
	const { id, sequence, late, verdict, resultEvaluation, reason, part, score, heatmaps } = message;
	if (!Number.isInteger(sequence) || !Array.isArray(heatmaps)) throw new Error('no verdict');
	const { station, said } = stationOf(ledger, message);
	const was = enter(station, sequence, id, late, nowMs);
	// Whatever is not said to be good, is not good.
	const isGood = verdict === 'accept' && resultEvaluation === 'OK';
	const told = { id, ...placeOf(station), sequence, part, isGood, late, resultEvaluation, reason, score };
	if (was === 'repeated') return [{ kind: 'repeated', ...told }];
	if (was === 'missing') said.push({ kind: 'found', ...placeOf(station), sequence });
	said.push({ kind: 'part', ...told });
	for (const { topic, sha256 } of heatmaps) {
		const early = ledger.early[topic];
		delete ledger.early[topic];
		if (early) said.push(matched(id, topic, sha256, early.sha256));
		else keep(ledger.awaited, topic, { id, sha256, sinceMs: nowMs });
	}
	return said;
}

function pictureHeard(ledger, topic, sha256, nowMs) {
	const awaited = ledger.awaited[topic];
	delete ledger.awaited[topic];
	if (awaited) return [matched(awaited.id, topic, awaited.sha256, sha256)];
	keep(ledger.early, topic, { sha256, sinceMs: nowMs });
	return [];
}

function matched(id, topic, wanted, sha256) {
	return { kind: 'picture', id, topic, is: wanted === sha256 ? 'whole' : 'another' };
}

/** The gap tells why nobody will hear of numbers; those that the broker refused may be sent again by hand. */
function gapHeard(ledger, message, nowMs) {
	const { id, from, to, reason } = message;
	if (!Number.isInteger(from) || !Number.isInteger(to)) throw new Error('no gap');
	const { station, said } = stationOf(ledger, message);
	if (isRepeated(station, id)) return [{ kind: 'repeated', id, ...placeOf(station) }];
	if (station.since !== null && to > station.top) {
		station.holes.push({ from: station.top + 1, to, sinceMs: nowMs });
		station.top = to;
	}
	station.holes = station.holes.flatMap((hole) => {
		if (hole.to < from || to < hole.from) return [hole];
		return [
			{ ...hole, to: from - 1 },
			{ from: Math.max(from, hole.from), to: Math.min(to, hole.to), sinceMs: hole.sinceMs, why: reason },
			{ ...hole, from: to + 1 },
		].filter((rest) => rest.from <= rest.to);
	});
	return [...said, { kind: 'gap', ...placeOf(station), from, to, reason }];
}

/** Of a station of which we know nothing, nothing stands. */
function alarmHeard(ledger, { box, station, active, unacknowledged }) {
	if (!Number.isInteger(active) || !Number.isInteger(unacknowledged)) throw new Error('no alarms');
	const place = `${box}/${station}`;
	const before = ledger.alarms[place] || { active: 0, unacknowledged: 0 };
	ledger.alarms[place] = { active, unacknowledged };
	if (before.active === active && before.unacknowledged === unacknowledged) return [];
	return [{ kind: 'alarm', place, active, unacknowledged }];
}

function stateHeard(ledger, { box, station, state, visionState, error }, nowMs) {
	const place = `${box}/${station === undefined ? '' : station}`;
	const before = ledger.boxes[place];
	if (before && before.state === state) return [];
	keep(ledger.boxes, place, { ...UNHEARD, ...before, state, sinceMs: nowMs });
	return [{ kind: 'state', box, ...(station && { station }), state, visionState, ...(error && { error }) }];
}

function healthHeard(ledger, { box, outbox }) {
	// What is younger is on its way.
	const waiting = outbox.oldestAgeS !== null && outbox.oldestAgeS > 10 ? outbox.verdicts : 0;
	keep(ledger.boxes, `${box}/`, { ...UNHEARD, ...ledger.boxes[`${box}/`], waiting });
	return [];
}

/** A station counts for ever, in one series: another one is another journal (a new disk, or a second box with the same name). */
function stationOf(ledger, { id, box, station }) {
	const series = id.slice(0, id.lastIndexOf('-'));
	const key = `${box}/${station}/${series}`;
	const known = ledger.stations[key];
	if (known) return { station: known, said: [] };
	const others = Object.values(ledger.stations).filter((one) => one.box === box && one.station === station);
	const made = { box, station, series, since: null, top: 0, holes: [], ids: [] };
	// Of a later series we have heard from its first number on.
	if (others.length > 0) made.since = 1;
	keep(ledger.stations, key, made);
	return { station: made, said: others.length > 0 ? [{ kind: 'series', ...placeOf(made), series }] : [] };
}

function placeOf({ box, station }) {
	return { box, station };
}

/** @returns what the number was: `new`, `missing` (called so before), `repeated` */
function enter(station, sequence, id, late, nowMs) {
	// What waited before we came says nothing of where we begin.
	if (station.since === null && !late) {
		station.since = sequence;
		station.top = sequence - 1;
	}
	if (station.since === null || sequence < station.since) return isRepeated(station, id) ? 'repeated' : 'new';
	if (sequence > station.top) {
		if (sequence > station.top + 1)
			station.holes.push({ from: station.top + 1, to: sequence - 1, sinceMs: nowMs });
		station.holes = station.holes.slice(-MOST);
		station.top = sequence;
		return 'new';
	}
	const hole = station.holes.find(({ from, to }) => from <= sequence && sequence <= to);
	if (!hole) return 'repeated';
	const rest = [
		{ ...hole, to: sequence - 1 },
		{ ...hole, from: sequence + 1 },
	];
	station.holes = station.holes.flatMap((one) => (one === hole ? rest : [one])).filter((one) => one.from <= one.to);
	// What waited comes in its order: what lies above may still come.
	if (late) for (const above of station.holes) if (above.from > sequence) above.sinceMs = nowMs;
	return hole.why ? 'missing' : 'new';
}

/** Of ids that no number tells apart: gaps, and verdicts from before we came. */
function isRepeated(station, id) {
	const isKnown = station.ids.includes(id);
	if (!isKnown) station.ids = [...station.ids, id].slice(-MOST);
	return isKnown;
}

/** Keeps a value, and lets go of the oldest one when there are too many. */
function keep(values, key, value) {
	values[key] = value;
	const keys = Object.keys(values);
	if (keys.length > MOST) delete values[keys[0]];
}
