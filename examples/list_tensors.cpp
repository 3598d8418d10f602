// The largest tensors of a model: list_tensors PATH [HOW_MANY]
#include <weigh/weigh.h>

#include <algorithm>
#include <cstdlib>
#include <iomanip>
#include <iostream>

int main(int argc, char** argv) {
  if (argc < 2) {
    std::cerr << "usage: list_tensors PATH [HOW_MANY]\n";
    return 2;
  }
  try {
    std::vector<weigh::Tensor> tensors = weigh::open(argv[1]).tensors();
    std::stable_sort(tensors.begin(), tensors.end(), [](const auto& a, const auto& b) { return a.bytes > b.bytes; });
    const std::size_t most = argc > 2 ? std::strtoul(argv[2], nullptr, 10) : 10;
    for (std::size_t i = 0; i < std::min(most, tensors.size()); ++i) {
      const weigh::Tensor& tensor = tensors[i];
      std::cout << std::setw(12) << weigh::bytes_text(tensor.bytes) << "  " << std::setw(8) << tensor.dtype << "  "
                << weigh::escaped(tensor.name) << "  " << tensor.role << '\n';
    }
  } catch (const weigh::Error& error) {
    std::cerr << error.what() << '\n';
    return 1;
  }
}
