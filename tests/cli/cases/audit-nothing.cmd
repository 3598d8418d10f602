weigh audit
