// Whether a number grows, judged so that no single sample decides.
#pragma once

#include <algorithm>
#include <cmath>
#include <vector>

struct Slope {
    double median, low, high;  // a step; the true one lies between low and high with 95 % probability
};

// Theil and Sen: the median of the slopes between all pairs, and its interval from Kendall's variance.
inline Slope slope_of(const std::vector<double> &samples) {
    std::vector<double> slopes;
    for (size_t i = 0; i < samples.size(); i++) {
        for (size_t j = i + 1; j < samples.size(); j++) {
            slopes.push_back((samples[j] - samples[i]) / static_cast<double>(j - i));
        }
    }
    if (slopes.empty()) return {0, 0, 0};
    std::sort(slopes.begin(), slopes.end());
    const double n = static_cast<double>(samples.size()), pairs = static_cast<double>(slopes.size());
    const double spread = 1.96 * std::sqrt(n * (n - 1) * (2 * n + 5) / 18);
    const auto at = [&](double rank) {
        return slopes[static_cast<size_t>(std::clamp(std::floor(rank), 0.0, pairs - 1))];
    };
    return {at(pairs / 2), at((pairs - spread) / 2), at((pairs + spread) / 2)};
}
