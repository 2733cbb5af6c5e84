import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fitsRegistry } from './image-name.ts';

const DIGEST = `sha256:${'a'.repeat(64)}`;

test('an image is of a registry by host and folder, with tag and digest or not', () => {
  const fitting: [string, string[]][] = [
    [
      'registry.example.com',
      ['registry.example.com/a', 'registry.example.com/a/b:1.2', 'REGISTRY.example.com/a'],
    ],
    ['Registry.Example.com', ['registry.example.com/a']],
    ['registry.example.com:5000', [`registry.example.com:5000/a/b:v1@${DIGEST}`]],
    ['*.example.com', ['a.example.com/x', 'a.b.example.com/x']],
    [
      'docker.io',
      ['alpine', 'alpine:3', `alpine@${DIGEST}`, 'team/app', 'docker.io/team/app', 'index.docker.io/x/y'],
    ],
    ['docker.io/library', ['alpine', 'library/alpine', 'docker.io/alpine']],
    ['ghcr.io/team', ['ghcr.io/team/app', 'ghcr.io/team', 'ghcr.io/team/deep/app:1']],
    ['ghcr.io/team/', ['ghcr.io/team/app']],
    ['ghcr.io/*/released', ['ghcr.io/team/released/app']],
    ['localhost', ['localhost/a']],
    ['[::1]:5000', ['[::1]:5000/a']],
    ['*', ['alpine', 'registry.example.com/a']],
  ];
  for (const [registry, images] of fitting)
    for (const image of images)
      assert.equal(fitsRegistry([registry], image), true, `${image} of ${registry}`);
});

test('nothing passes for an image of a registry that it is not of', () => {
  const others: [string, string[]][] = [
    [
      'registry.example.com',
      [
        'registry.example.com.evil.org/a',
        'evil.org/registry.example.com/a',
        'registry.example.com:443/a',
        'registry.example.com@evil.org/a',
        'evil.org/a@registry.example.com/a',
        'registry.example.com',
        'registry.example.com/',
        'registry.example.com//a',
        'registry.example.com/../a',
        ' registry.example.com/a',
        'registry.example.com /a',
        'https://registry.example.com/a',
        'registry.example.com\\a/b',
        'registry.example.com%2fa/b',
        '',
        '@',
        ':',
      ],
    ],
    ['*.example.com', ['evil.org/a.example.com/x', 'evil.org:80.example.com/x', 'example.com/x']],
    ['docker.io/library', ['team/app', 'libraryx/app', 'docker.io/team/library/app']],
    [
      'ghcr.io/team',
      ['ghcr.io/teamx/app', 'ghcr.io/team/../other/app', 'ghcr.io/other/team/app', 'team/app'],
    ],
    ['*', ['', 'A B', 'x/../y']],
  ];
  for (const [registry, images] of others)
    for (const image of images)
      assert.equal(fitsRegistry([registry], image), false, `${image} of ${registry}`);
});
