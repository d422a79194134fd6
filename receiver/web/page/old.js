// For browsers that cannot run the page's script: says what they lack, and shows the plain stream. So it is old JavaScript.
(function () {
  'use strict';
  function lacks() {
    if (!('noModule' in document.createElement('script'))) return 'modules of JavaScript';
    if (!window.fetch || !window.AbortController) return 'requests that can be ended (AbortController)';
    if (!window.IntersectionObserver) return 'IntersectionObserver';
    if (!window.Intl || !Intl.Collator) return 'Intl.Collator';
    return 'newer JavaScript (a browser of 2021 or later has it)';
  }
  window.addEventListener('load', function () {
    setTimeout(function () { // modules have run, if they can
      if (document.documentElement.hasAttribute('data-runs')) return;
      var view = document.getElementById('view'), text = document.createElement('p'), image = document.createElement('img');
      text.className = 'notice aside';
      text.textContent = 'This browser lacks ' + lacks() + '. Here is the plain picture, without any word on how old it is.';
      image.src = 'stream';
      image.alt = 'Picture of the camera';
      view.textContent = '';
      view.appendChild(image);
      view.appendChild(text);
      document.getElementById('status').textContent = 'not known';
    }, 0);
  });
})();
