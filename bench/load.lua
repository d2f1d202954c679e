-- SPDX-License-Identifier: MIT
-- What wrk found, as one line of JSON that begins with "result: ".
function done(summary, latency, requests)
    local errors = summary.errors
    io.write(string.format(
        'result: {"requests": %d, "duration_us": %d, "p50_us": %d, "p99_us": %d, "max_us": %d, "errors": %d}\n',
        summary.requests, summary.duration, latency:percentile(50), latency:percentile(99), latency.max,
        errors.connect + errors.read + errors.write + errors.status + errors.timeout))
end
