<?php
// Memeriksa webhook gerbang SIAK; tanpa pustaka lain. Salin ke program penerima.
// Checks a webhook of the SIAK gateway; no other library. Copy it into the receiving program.
//
//   $message = siak_verify($secret, getallheaders(), file_get_contents('php://input'));  // throws if it is not genuine
//   if (remember($message['id'])) { handle($message['data']); }                          // the same id may come again

declare(strict_types=1);

const SIAK_TOLERANCE = 300; // seconds a message may be old, or ahead of this clock

function siak_verify(string $secret, array $headers, string $body, ?int $now = null): array
{
    $given = array_change_key_case($headers, CASE_LOWER);
    foreach (['webhook-id', 'webhook-timestamp', 'webhook-signature'] as $name) {
        if (!isset($given[$name]) || !is_string($given[$name])) {
            throw new InvalidArgumentException("the header $name is missing");
        }
    }
    $sentAt = $given['webhook-timestamp'];
    if (!ctype_digit($sentAt) || abs(($now ?? time()) - (int) $sentAt) > SIAK_TOLERANCE) {
        throw new InvalidArgumentException('the webhook is too old, or a clock is wrong');
    }
    $key = base64_decode(preg_replace('/^whsec_/', '', $secret), true);
    $signed = $given['webhook-id'] . '.' . $sentAt . '.' . $body;
    $expected = 'v1,' . base64_encode(hash_hmac('sha256', $signed, $key, true));
    foreach (explode(' ', $given['webhook-signature']) as $signature) {
        if (hash_equals($expected, $signature)) {
            return ['id' => $given['webhook-id']] + json_decode($body, true, 16, JSON_THROW_ON_ERROR);
        }
    }
    throw new InvalidArgumentException('the webhook is not signed with this secret');
}
