// What a model is, and whether it fits a device: does_it_fit PATH [DEVICE]
#include <weigh/weigh.h>

#include <iostream>

int main(int argc, char** argv) {
  if (argc < 2) {
    std::cerr << "usage: does_it_fit PATH [DEVICE]\n";
    return 2;
  }
  try {
    const weigh::Model model = weigh::open(argv[1]);
    const weigh::ModelInfo& info = model.info();
    std::cout << weigh::escaped(info.name) << ": " << weigh::parameters_text(info.parameters.total) << " parameters, "
              << weigh::bytes_text(info.weights.bytes) << '\n';

    weigh::RunOptions options;
    options.context = 8192;
    for (const weigh::Fit& fit : model.fit({argc > 2 ? argv[2] : "24GiB"}, options)) {
      std::cout << fit.device << ": " << weigh::name_of(fit.verdict) << ", needs " << weigh::bytes_text(fit.need.total)
                << " of " << weigh::bytes_text(fit.budget_bytes) << '\n';
    }
  } catch (const weigh::Error& error) {
    std::cerr << error.what() << '\n';
    return 1;
  }
}
