// node watch.mjs BROKER [PORT [ROOT [receipts]]]: says as lines of JSON what the boxes below a root inspect, what is missing and
// what comes twice. Needs mosquitto_sub and mosquitto_pub; keeps its ledger in ./ledger.json, which goes with its client id.
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { heard, openLedger, overdue } from './ledger.mjs';

const [host, port = '1883', root = 'inspectord', receipts] = process.argv.slice(2);
const FILE = 'ledger.json';
const saved = existsSync(FILE) ? JSON.parse(readFileSync(FILE, 'utf8')) : {};
const ledger = openLedger(saved, Date.now(), Number(process.env.PATIENCE_MS ?? 60_000));
const sha256 = (bytes) => createHash('sha256').update(bytes).digest('hex');

const topics = ['+/state', '+/health', '+/+/state', '+/+/verdict', '+/+/gap', '+/+/alarm', '+/+/heatmap/+/+'];
const session = ['-V', '5', '-c', '-x', '604800', '-i', 'watch', '-q', '1'];
const sub = spawn(
	'mosquitto_sub',
	['-h', host, '-p', port, ...session, ...topics.flatMap((topic) => ['-t', `${root}/${topic}`]), '-F', '%r %t %x'],
	{ stdio: ['ignore', 'pipe', 'inherit'] },
);
// Told to end, it hears out what is under way.
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => sub.kill(signal));

/** One that speaks for each box. */
const pubs = new Map();
function giveReceipt({ box, station, sequence }) {
	const topic = `${root}/${box}/ack`;
	if (!pubs.has(box))
		pubs.set(box, spawn('mosquitto_pub', ['-h', host, '-p', port, '-q', '1', '-t', topic, '-l'], { stdio: ['pipe', 'inherit', 'inherit'] }));
	pubs.get(box).stdin.write(`${JSON.stringify({ station, sequence })}\n`);
}

let said = [];
/** Told first, written down then, receipts last: what is cut off in between is told again. */
function tell() {
	if (said.length === 0) return;
	for (const one of said) console.log(JSON.stringify(one));
	writeFileSync(`${FILE}.new`, JSON.stringify(ledger), { flush: true });
	renameSync(`${FILE}.new`, FILE);
	if (receipts) for (const one of said) if ('sequence' in one) giveReceipt(one);
	said = [];
}

setInterval(() => {
	said.push(...overdue(ledger, Date.now()));
	tell();
}, 100);
for await (const line of createInterface({ input: sub.stdout })) {
	const [retain, topic, hex] = line.split(' ');
	const message = { topic, payload: Buffer.from(hex, 'hex'), retain: retain === '1' };
	said.push(...heard(ledger, message, sha256, Date.now()));
}
tell();
process.exit();
