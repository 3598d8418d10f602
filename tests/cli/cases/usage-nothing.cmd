weigh 2>&1 >/dev/null | head -n 1
weigh 2>/dev/null
