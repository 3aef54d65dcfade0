import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { jsonLog, LOG_EVENTS, lineLog } from '../../src/base/log.js';

const log = suite('the log');

const clock = () => new Date(Date.UTC(2026, 0, 2, 3, 4, 5));

log('is a line for people, with priorities and without a time under systemd', () => {
	const lines: string[] = [];
	const write = (line: string) => void lines.push(line);
	lineLog(write, false, clock)('info', 'lid', 'running', 'station.state');
	lineLog(write, true, clock)('error', 'lid', 'a\nb', 'station.state');
	assert.equal(lines, ['03:04:05 lid: running', '<3>error: lid: a b']);
});

log('is an object for machines, with the same priorities', () => {
	const lines: (readonly [string, object])[] = [];
	const write = (line: object, prefix: string) => void lines.push([prefix, line]);
	jsonLog(write, false, clock)('info', 'lid', 'a\nb', 'station.state');
	jsonLog(write, true, clock)('warning', 'lid', 'x', 'fault');
	assert.equal(lines, [
		[
			'',
			{
				at: '2026-01-02T03:04:05.000Z',
				level: 'info',
				event: 'station.state',
				about: 'lid',
				message: 'a\nb',
			},
		],
		['<4>', { at: '2026-01-02T03:04:05.000Z', level: 'warning', event: 'fault', about: 'lid', message: 'x' }],
	]);
});

log('has names that filters can be written for', () => {
	for (const [name, summary] of Object.entries(LOG_EVENTS)) {
		assert.match(name, /^[a-z]+(\.[a-z-]+)?$/);
		assert.match(summary, /\.$/);
	}
});

log.run();
