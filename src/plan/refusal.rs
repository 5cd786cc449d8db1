//! What helps when admission refuses a pod or a claim, by its words.

/// Whether a quota is what refuses it.
pub fn is_of_a_quota(message: &str) -> bool {
    message.contains("exceeded quota: ")
}

/// What to do about it.
pub fn help(message: &str) -> &'static str {
    let says = |words: &str| message.contains(words);
    if says("violates PodSecurity") {
        return "the namespace enforces a Pod Security standard (`pod-security.kubernetes.io/enforce`): change what \
                it names in `[pod]`, or ask for another standard";
    }
    if is_of_a_quota(message) {
        return "ask for a larger quota, lower `[resources]` or `storage.size`, or want fewer members";
    }
    if says("failed quota: ") && says("must specify") {
        return "set what it names under `[resources]`: a quota of the namespace counts it, so each pod has to say it";
    }
    if says("per PersistentVolumeClaim") {
        return "a LimitRange of the namespace bounds claims: set `storage.size` within it";
    }
    // Requests above the stack's own limits are no stack: this limit is a default.
    if says("must be less than or equal to") && says(" limit of ")
        || says("usage per Container")
        || says("usage per Pod")
        || says("limit to request ratio")
    {
        return "a LimitRange of the namespace bounds pods: set `[resources]` within it";
    }
    "change the stack file, or what the cluster allows"
}
