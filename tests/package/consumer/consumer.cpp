// Prints a model's name and its parameters; an audit's codes when asked for one.
#include <weigh/weigh.h>

#include <iostream>
#include <string>

int main(int argc, char** argv) {
  if (argc < 2) return 2;
  try {
    const weigh::Model model = weigh::open(argv[1]);
    std::cout << "weigh " << weigh::version() << ": " << model.info().parameters.total.value_or(0) << " parameters\n";
    if (argc > 2 && std::string(argv[2]) == "--deep") {
      weigh::AuditOptions options;
      options.deep = true;
      for (const weigh::Audit& audit : weigh::audit(argv[1], options)) {
        for (const weigh::Finding& finding : audit.findings)
          std::cout << finding.code << ": " << finding.message << '\n';
      }
    }
  } catch (const weigh::Error& error) {  // caught as its own type on this side of the library
    std::cout << "error: " << error.what() << '\n';
    return 1;
  }
  return 0;
}
