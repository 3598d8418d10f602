// The start of a program, for speed.py.
int main() { return 0; }
