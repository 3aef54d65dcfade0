import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { topicRootFault } from '../../src/config/topic-root.js';

const roots = suite('the root of the topics');

for (const root of ['inspectord', 'a/b/c/d/e/f', 'Süd/Linie 3/§ 7', 'x$/y', `${'ä'.repeat(64)}`, '工厂/线']) {
	roots(`may be ${root.slice(0, 20)}`, () => {
		assert.is(topicRootFault(root), undefined);
	});
}

const faulty: readonly (readonly [root: string, fault: RegExp])[] = [
	['', /empty level/],
	['/a', /empty level/],
	['a/', /empty level/],
	['a//b', /empty level/],
	['a/b/c/d/e/f/g', /7 levels, at most 6/],
	['a/+/b', /wildcard/],
	['a#', /wildcard/],
	['$SYS/a', /starts with "\$"/],
	['a\u0000', /must not hold/],
	['a\nb', /must not hold/],
	['a\u007f', /must not hold/],
	['a\u0085b', /must not hold/],
	['a\ud800', /must not hold/],
	['a\uffff', /must not hold/],
	[' a', /blank at an end/],
	['a /b', /blank at an end/],
	['a/\u00a0b', /blank at an end/],
	['\ufeffa', /blank at an end/],
	['a'.repeat(129), /129 bytes, at most 128/],
	['ä'.repeat(65), /130 bytes, at most 128/],
	['a'.repeat(100_000), /100000 bytes/],
];

for (const [root, fault] of faulty) {
	roots(`may not be ${JSON.stringify(root.slice(0, 20))}`, () => {
		assert.match(topicRootFault(root)!, fault);
	});
}

roots.run();
