// node trigger.mjs BROKER BOX STATION [ROOT]: between a PLC and a station with `trigger: { mode: request }`. A line on standard input is
// a trigger: the name of the part. Lines of JSON say what the PLC reads: ready, busy, and one result for each trigger, whatever happens.
import { createInterface } from 'node:readline';
import mqtt from 'mqtt';

const [url, box, station, root = 'inspectord'] = process.argv.slice(2);
/** So long the part is in view: a trigger that reaches the box later is none. The clocks of both must agree so far. */
const VIEW_MS = Number(process.env.VIEW_MS ?? 500);
/** So long the PLC waits: `deadlineMs` of the recipe, and what the way back takes. */
const RESULT_MS = Number(process.env.RESULT_MS ?? 2000);
const AGAIN_MS = 200;

const client = `plc-${station}`;
const topic = (rest) => `${root}/${box}/${rest}`;
const say = (what) => console.log(JSON.stringify(what));
const states = { connected: false, box: 'offline', station: 'stopped' };
/** Parts without a result, by the id of their trigger. */
const waiting = new Map();
let isReady = false;
let triggers = 0;

const broker = mqtt.connect(url, { clientId: `${client}-${box}`, protocolVersion: 5, reconnectPeriod: 500 });
broker.on('error', () => {});
broker.on('connect', () => {
	broker.subscribe([topic('state'), topic(`${station}/state`), topic(`${station}/verdict`), topic(`answer/${client}`)], { qos: 1 });
	changed({ connected: true });
});
broker.on('close', () => changed({ connected: false }));
broker.on('message', (from, payload) => {
	if (payload.length === 0) return;
	const said = JSON.parse(payload);
	// What a box that died had said of its station is not true any more.
	if (from === topic('state')) changed({ box: said.state, ...(said.state === 'offline' && { station: 'stopped' }) });
	else if (from === topic(`${station}/state`)) changed({ station: said.state });
	else if (from === topic(`answer/${client}`)) answered(said);
	else if (said.trigger) end(said.trigger.metadata.id, resultOf(said), said.reason);
});

function changed(some) {
	Object.assign(states, some);
	const now = states.connected && states.box !== 'offline' && states.station === 'running';
	if (now !== isReady) say({ kind: 'ready', is: now });
	isReady = now;
}

function trigger(part) {
	if (!isReady) return say({ kind: 'result', part, result: 'undecided', why: 'not ready' });
	triggers += 1;
	const id = `${client}-${Date.now()}-${triggers}`;
	const before = new Date(Date.now() + VIEW_MS).toISOString();
	const ask = JSON.stringify({ id, client, before, station, part, metadata: { id } });
	// Said again with the same id it is the same trigger. What waits for a connection would be of a part that has gone by.
	const send = () => broker.connected && broker.publish(topic('request/operator/trigger'), ask, { qos: 1 });
	const again = setInterval(send, AGAIN_MS);
	const late = setTimeout(() => end(id, 'undecided', 'no result in time'), RESULT_MS);
	waiting.set(id, { part, again, late });
	say({ kind: 'busy', is: true });
	send();
}

/** `ok`: its verdict follows. Everything else made no part. */
function answered({ id, code, text }) {
	clearInterval(waiting.get(id)?.again);
	if (code !== 'ok') end(id, 'undecided', `${code}: ${text}`);
}

/** Whatever is not said to be good is not good. */
function resultOf({ verdict, resultEvaluation }) {
	if (verdict === 'accept' && resultEvaluation === 'OK') return 'good';
	return verdict === 'reject' ? 'bad' : 'undecided';
}

/** Once for each trigger: what comes twice, or after the PLC has given up, finds nobody waiting. */
function end(id, result, why) {
	const known = waiting.get(id);
	if (!known) return;
	clearInterval(known.again);
	clearTimeout(known.late);
	waiting.delete(id);
	say({ kind: 'result', part: known.part, result, why });
	if (waiting.size === 0) say({ kind: 'busy', is: false });
}

for await (const line of createInterface({ input: process.stdin })) if (line !== '') trigger(line);
broker.end(true);
