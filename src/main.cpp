#include <unistd.h>

#include <csignal>

#include "src/cli/file_stream.h"
#include "src/cli/run.h"

int main(int argc, char** argv) {
  std::signal(SIGPIPE, SIG_IGN);  // a closed pipe is an error of a write, which run() ends quietly
  weigh::core::FileStream out(STDOUT_FILENO, "standard output");
  weigh::core::FileStream err(STDERR_FILENO, "standard error");
  return weigh::core::run({argv + (argc > 0 ? 1 : 0), argv + argc}, out, err, weigh::core::detect_terminal());
}
