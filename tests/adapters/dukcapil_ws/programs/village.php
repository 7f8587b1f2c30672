<?php
// As a village's PHP asks: two header lines in one, strict comparison of what comes back.
foreach (explode("\n", stream_get_contents(STDIN)) as $call) {
    $curl = curl_init($argv[1]);
    curl_setopt($curl, CURLOPT_POST, true);
    curl_setopt($curl, CURLOPT_POSTFIELDS, $call);
    curl_setopt($curl, CURLOPT_RETURNTRANSFER, true);
    curl_setopt($curl, CURLOPT_HTTPHEADER, ["Content-Type: application/json,Accept: application/json"]);
    echo curl_exec($curl), "\n";
}
